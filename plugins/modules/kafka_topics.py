DOCUMENTATION = r"""
module: kafka_topics
short_description: Converge the topics of a Kafka broker
description:
  - Compares declared topics to those of the broker, which it queries once for metadata and once for the configuration
    of the declared topics, and creates or changes what differs. The broker validates missing topics before anything is
    changed, also in check mode.
  - Never deletes a topic or decreases its partitions. Topics that are not declared are returned in RV(undeclared); a
    topic with more partitions than declared is a warning.
  - A configuration value that a topic overrides but that is not declared is reset to the broker's default.
  - Waits until the broker responds, and fails early with the container's last log lines if the container is not running
    or is in a restart loop.
  - Runs in process on the controller; requires the Python packages C(confluent-kafka) and C(docker).
extends_documentation_fragment: [modes, store, store.inside]
options:
  bootstrap:
    description: Address of the broker's published listener, C(host:port).
    type: str
    required: true
  topics:
    description: Declared topics. A topic can be listed twice if both declarations are equal.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Letters, digits, dots, dashes and underscores.
        type: str
        required: true
      partitions:
        description: Number of partitions. It can be increased later, but not decreased.
        type: int
        default: 1
      retention_hours:
        description: Retention of messages in hours; V(-1) for unlimited. Defaults to the broker's setting.
        type: int
      config:
        description: Other topic settings with Kafka's own names, for example C(cleanup.policy).
        type: dict
        default: {}
attributes:
  check_mode:
    support: full
    description: A broker that does not respond is treated as one without topics.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Converge the topics
  kafka_topics:
    bootstrap: 127.0.0.1:9092
    container: cloudlab-kafka
    topics:
      - {name: invoice.created, partitions: 3, retention_hours: 72}
      - {name: cart.state, config: {cleanup.policy: compact}}
"""

RETURN = r"""
created:
  description: Names of topics that were created.
  type: list
  elements: str
  returned: always
grown:
  description: New number of partitions by topic, if it was increased.
  type: dict
  returned: always
  sample: {invoice.created: 6}
altered:
  description: Changed configuration values by topic; null for a value that was reset to the broker's default.
  type: dict
  returned: always
  sample: {invoice.created: {retention.ms: "86400000"}}
undeclared:
  description: Topics of the broker that are not declared, without Kafka's internal topics. They are not changed.
  type: list
  elements: str
  returned: always
"""
