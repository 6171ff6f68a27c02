"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database_checks
short_description: Check what one store holds
description:
  - Compares what is declared with what the store says, item by item, and changes nothing. What is declared is given in
    the words of the action that converges it - M(postgres_objects), M(kafka_topics), M(clickhouse_objects),
    M(elasticsearch_objects).
  - In PostgreSQL each service's role is tried out with its own password, and asked what it may use of the others.
    Every table is counted, and the versions that goose noted are read.
  - To Kafka a message is sent and read back, by way of a topic that is made for it and removed at once.
  - A failed check is a result, not a failure of the task; M(validation_report) tells them all and fails. A store that
    cannot be asked has one failed check.
  - Exactly one store is named.
  - Runs in process on the controller; needs the Python packages C(psycopg), C(confluent_kafka), C(redis) and C(docker).
options:
  postgres:
    description: A PostgreSQL server.
    type: dict
    suboptions:
      port: {description: Its port on this machine., type: int, required: true}
      container: {description: Its container., type: str, required: true}
      admin_user: {description: The administrator., type: str, required: true}
      admin_password: {description: Its password., type: str, required: true}
      database: {description: The platform's database., type: str, required: true}
      health_role: {description: Role of the health check., type: str}
      services: {description: Login roles with their schemas., type: list, elements: dict, default: []}
      databases: {description: Further databases., type: list, elements: dict, default: []}
      extensions: {description: Extensions of O(postgres.database)., type: list, elements: dict, default: []}
  kafka:
    description: A Kafka broker.
    type: dict
    suboptions:
      port: {description: Its port on this machine., type: int, required: true}
      container: {description: Its container., type: str, required: true}
      topics: {description: Declared topics., type: list, elements: dict, default: []}
  clickhouse:
    description: A ClickHouse server.
    type: dict
    suboptions:
      port: {description: Its HTTP port on this machine., type: int, required: true}
      container: {description: Its container., type: str, required: true}
      user: {description: The user., type: str, required: true}
      password: {description: Its password., type: str, required: true}
      database: {description: The platform's database., type: str, required: true}
      databases: {description: Further databases., type: list, elements: str, default: []}
      tables: {description: Declared tables., type: list, elements: dict, default: []}
  elasticsearch:
    description: An Elasticsearch server.
    type: dict
    suboptions:
      port: {description: Its port on this machine., type: int, required: true}
      container: {description: Its container., type: str, required: true}
      user: {description: The user while security is on., type: str}
      password: {description: Its password., type: str}
      index_templates: {description: Declared index templates., type: list, elements: dict, default: []}
      indices: {description: Declared indices., type: list, elements: dict, default: []}
  redis:
    description: A Redis server.
    type: dict
    suboptions:
      port: {description: Its port on this machine., type: int, required: true}
      container: {description: Its container., type: str, required: true}
      password: {description: The password of its clients., type: str, required: true}
attributes:
  check_mode:
    support: full
    description: It never changes anything; Kafka's topic for one message is made and removed in either mode.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Check Kafka's topics
  database_checks:
    kafka:
      port: 9092
      container: cloudlab-kafka
      topics: [{name: order.events, partitions: 3}]
  register: kafka_checks
"""

RETURN = r"""
store:
  description: The store that was checked.
  returned: success
  type: str
checks:
  description: The outcomes, each with C(area), C(subject), C(state) (ok, FAILED or note), C(text) and C(cure).
  returned: success
  type: list
  elements: dict
found:
  description: >-
    Rows, versions and indices, for checks that need to know the platform; null when the store cannot be asked.
  returned: success
  type: dict
  sample: {tables: {order: {orders: 100}}, versions: {order: {goose_db_version: 1}}}
"""
