DOCUMENTATION = r"""
module: postgres_objects
short_description: Converge the roles, databases, schemas and privileges of a PostgreSQL server
description:
  - Compares what is declared with what the server holds, asked with one query per database, and applies only what is
    missing or different, in one transaction per database (roles in one of their own).
  - Each service gets a login role with its own schema. A service's role can connect to its own database alone, can
    read its own schema alone, and holds no privileges of the server. Its search path is its schema, C(public), and
    the schemas of the database's extensions.
  - Nothing is dropped. Schemas that nobody declares are returned in RV(unmanaged_schemas). Grants, memberships and
    attributes that break the isolation of the declared roles are taken back; grants to roles that nobody declares are
    left alone.
  - When the server does not accept the administrator's password, the role is created or changed by the server's
    socket inside the container, where the account C(postgres) is the superuser. So a password changed on an existing
    volume is applied.
  - Passwords are sent as SCRAM-SHA-256 verifiers, and compared with the server's verifiers on this side.
  - Waits until the server answers, and fails early, with the container's last log lines, when its container is not
    running or in a crash loop.
  - Runs in process on the controller; needs the Python packages C(psycopg) and C(docker).
extends_documentation_fragment: [modes]
options:
  host:
    description: Address of the published port.
    type: str
    default: 127.0.0.1
  port:
    description: The published port.
    type: int
    required: true
  container:
    description: Name of the server's container.
    type: str
    required: true
  admin_user:
    description: The superuser to work as; owns O(database).
    type: str
    required: true
  admin_password:
    description: Its password.
    type: str
    required: true
  database:
    description: The platform's database; created when it is missing.
    type: str
    required: true
  health_role:
    description: Role of the health check. It may log in and connect to the database C(postgres), and has no password.
    type: str
  services:
    description: Login roles with their schemas.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The service's name, for messages.
        type: str
        required: true
      role:
        description: The login role; the service's name when it is not set.
        type: str
      password:
        description: The role's password.
        type: str
        required: true
      schema:
        description: The schema that it owns; none when it is not set.
        type: str
      database:
        description: The database it may connect to; O(database) when it is not set.
        type: str
  extensions:
    description: Extensions of O(database).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The extension's name. Extensions that it needs are created with it.
        type: str
        required: true
      schema:
        description: The schema it stands in, open to everybody. When it is not set, an extension is created in
          C(public) and left wherever it is.
        type: str
  databases:
    description: Further databases, for platforms that want separate ones.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The database's name.
        type: str
        required: true
      owner:
        description: Its owner, the role of a service or the administrator.
        type: str
        required: true
      extensions:
        description: Its extensions.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The extension's name.
            type: str
            required: true
          schema:
            description: The schema it stands in.
            type: str
  timeout:
    description: Seconds to wait for the server at most.
    type: float
    default: 60
attributes:
  check_mode:
    support: full
    description: A server whose container is not running is taken as an empty one.
  diff_mode:
    support: full
    description: Names and privileges; no secrets.
"""

EXAMPLES = r"""
- name: Converge roles, databases and schemas
  postgres_objects:
    port: 5432
    container: cloudlab-postgres
    admin_user: cloudlab
    admin_password: "{{ postgres_password }}"
    database: cloudlab
    services:
      - {name: order, password: "{{ order_password }}", schema: order}
      - {name: billing, role: billing_owner, password: "{{ billing_password }}", database: billing}
    extensions:
      - {name: pg_trgm}
    databases:
      - {name: billing, owner: billing_owner, extensions: [{name: citext, schema: extensions}]}
"""

RETURN = r"""
applied:
  description: What was (in check mode would be) changed, a sentence each, without secrets.
  type: list
  elements: str
  returned: always
  sample: ["role order: absent -> may log in"]
admin_password_set:
  description: Whether the administrator's role was set by the server's socket because its password was not accepted.
  type: bool
  returned: always
unmanaged_schemas:
  description: Schemas by database that nobody declares. They are left alone.
  type: dict
  returned: always
"""
