DOCUMENTATION = r"""
module: clickhouse_objects
short_description: Converge the databases and tables of a ClickHouse server
description:
  - Compares what is declared with what the server holds, asked with one query, and creates what is missing,
    databases, tables and columns.
  - Nothing is dropped. A table whose engine or columns differ otherwise is left as it is, with a warning that names the
    difference.
  - Waits until the server answers, and fails early, with the container's last log lines, when its container is not
    running or in a crash loop.
  - Speaks HTTP, in the form that every version since 18.16 takes. Runs in process on the controller.
extends_documentation_fragment: [modes]
options:
  host:
    description: Address of the published port.
    type: str
    default: 127.0.0.1
  port:
    description: The published HTTP port.
    type: int
    required: true
  container:
    description: Name of the server's container.
    type: str
    required: true
  user:
    description: A user who may create databases and tables.
    type: str
    required: true
  password:
    description: The user's password.
    type: str
    required: true
  database:
    description: The platform's database; created when it is missing.
    type: str
    required: true
  databases:
    description: Further databases. Those of O(tables) need not be named.
    type: list
    elements: str
    default: []
  tables:
    description: The declared tables, each by O(tables[].columns) and O(tables[].engine), or by O(tables[].ddl).
    type: list
    elements: dict
    default: []
    suboptions:
      database:
        description: Where it stands; O(database) when it is not set.
        type: str
      name:
        description: The table's name.
        type: str
        required: true
      columns:
        description: Its columns. One that an existing table lacks is added to it.
        type: list
        elements: dict
        suboptions:
          name:
            description: The column's name.
            type: str
            required: true
          type:
            description: Its type, written as the server prints it; otherwise it is reported as different.
            type: str
            required: true
          default:
            description: An expression for the value of rows that have none.
            type: str
      engine:
        description: The engine and everything that follows it. The engine's name is compared, the rest is not.
        type: str
      ddl:
        description: The whole C(CREATE TABLE) statement. It is used when there is no such table, and never compared.
        type: str
  timeout:
    description: Seconds to wait for the server at most.
    type: float
    default: 60
  inside:
    description: The server's address for other containers; used in the mode V(describe).
    type: str
attributes:
  check_mode:
    support: full
    description: A server whose container is not running is taken as an empty one.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Converge databases and tables
  clickhouse_objects:
    port: 8123
    container: cloudlab-clickhouse
    user: cloudlab
    password: "{{ clickhouse_password }}"
    database: cloudlab
    tables:
      - name: page_views
        columns:
          - {name: day, type: Date}
          - {name: shop, type: UInt32}
          - {name: views, type: UInt64, default: "0"}
        engine: MergeTree() PARTITION BY toYYYYMM(day) ORDER BY (shop, day)
"""

RETURN = r"""
applied:
  description: What was (in check mode would be) created, a sentence each.
  type: list
  elements: str
  returned: always
  sample: ["database cloudlab: absent -> present"]
differences:
  description: What exists and differs from its declaration, a sentence each; also given as warnings.
  type: list
  elements: str
  returned: always
"""
