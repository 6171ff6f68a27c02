DOCUMENTATION = r"""
module: clickhouse_objects
short_description: Converge the databases and tables of a ClickHouse server
description:
  - Compares the declaration to the contents of the server, which it reads with one query, and creates missing
    databases, tables and columns.
  - Never drops anything. A table whose engine or columns differ in any other way is not changed; a warning shows the
    difference.
  - Waits until the server responds, and fails early with the container's last log lines if the container is not running
    or is in a restart loop.
  - Uses the HTTP interface, in a syntax that all versions since 18.16 support. Runs in process on the controller.
extends_documentation_fragment: [modes, store, store.address, store.inside]
options:
  user:
    description: User with the privileges to create databases and tables.
    type: str
    required: true
  password:
    description: Password of the user.
    type: str
    required: true
  database:
    description: Database of the platform; created if it does not exist.
    type: str
    required: true
  databases:
    description: Additional databases. Databases of O(tables) need not be listed.
    type: list
    elements: str
    default: []
  tables:
    description: Declared tables, each with O(tables[].columns) and O(tables[].engine), or with O(tables[].ddl).
    type: list
    elements: dict
    default: []
    suboptions:
      database:
        description: Database of the table; O(database) when not set.
        type: str
      name:
        description: Name of the table.
        type: str
        required: true
      columns:
        description: Columns of the table. Columns that an existing table lacks are added.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name of the column.
            type: str
            required: true
          type:
            description: Type of the column, spelled as the server prints it; any other spelling is reported as a
              difference.
            type: str
            required: true
          default:
            description: Default expression.
            type: str
      engine:
        description: Engine clause. Only the name of the engine is compared.
        type: str
      ddl:
        description: Complete C(CREATE TABLE) statement. Used if the table does not exist; never compared.
        type: str
attributes:
  check_mode:
    support: full
    description: A server whose container is not running is treated as empty.
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
  description: Changes that were made (in check mode, would be made), one sentence each.
  type: list
  elements: str
  returned: always
  sample: ["database cloudlab: absent -> present"]
differences:
  description: Objects that differ from their declaration, one sentence each; also shown as warnings.
  type: list
  elements: str
  returned: always
"""
