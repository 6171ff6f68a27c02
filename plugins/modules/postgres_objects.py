DOCUMENTATION = r"""
module: postgres_objects
short_description: Converge the roles, databases, schemas and privileges of a PostgreSQL server
description:
  - Compares the declaration to the contents of the server, which it reads with one query per database, and applies only
    what is missing or different, in one transaction per database (and one for roles).
  - Each service gets a login role with its own schema. The role can connect only to its own database, access only its
    own schema, and has no server-wide privileges. Its search path is its schema, C(public), and the schemas of the
    database's extensions.
  - Never drops anything. Schemas that are not declared are returned in RV(unmanaged_schemas). Grants, memberships and
    attributes that break the isolation of the declared roles are revoked; grants to roles that are not declared are not
    changed.
  - If the server rejects the administrator's password, the role is created or changed through the server's socket
    inside the container, where the account C(postgres) is the superuser. Thus, a changed password is applied to an
    existing volume.
  - Passwords are sent as SCRAM-SHA-256 verifiers, and compared to the server's verifiers on the controller.
  - Waits until the server responds, and fails early with the container's last log lines if the container is not running
    or is in a restart loop.
  - Runs in process on the controller; requires the Python packages C(psycopg) and C(docker).
extends_documentation_fragment: [modes, store, store.address]
options:
  admin_user:
    description: Superuser to connect as; owner of O(database).
    type: str
    required: true
  admin_password:
    description: Password of the superuser.
    type: str
    required: true
  database:
    description: Database of the platform; created if it does not exist.
    type: str
    required: true
  health_role:
    description: Role of the health check. It can log in and connect to the database C(postgres), and has no password.
    type: str
  services:
    description: Login roles of services, with their schemas.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the service, for messages.
        type: str
        required: true
      role:
        description: Login role; the service's name when not set.
        type: str
      password:
        description: Password of the role.
        type: str
        required: true
      schema:
        description: Schema that the role owns; none when not set.
        type: str
      database:
        description: Database that the role can connect to; O(database) when not set.
        type: str
  extensions:
    description: Extensions of O(database).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the extension. Extensions that it depends on are created as well.
        type: str
        required: true
      schema:
        description: Schema of the extension, accessible to all roles. When not set, a new extension is created in
          C(public), and an existing one is not moved.
        type: str
  databases:
    description: Additional databases, for platforms with separate databases.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the database.
        type: str
        required: true
      owner:
        description: Owner of the database, the role of a service or the administrator.
        type: str
        required: true
      extensions:
        description: Extensions of the database.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the extension.
            type: str
            required: true
          schema:
            description: Schema of the extension.
            type: str
attributes:
  check_mode:
    support: full
    description: A server whose container is not running is treated as empty.
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
      - {name: web, password: "{{ web_password }}", schema: web}
      - {name: billing, role: billing_owner, password: "{{ billing_password }}", database: billing}
    extensions:
      - {name: pg_trgm}
    databases:
      - {name: billing, owner: billing_owner, extensions: [{name: citext, schema: extensions}]}
"""

RETURN = r"""
applied:
  description: Changes that were made (in check mode, would be made), one sentence each, without secrets.
  type: list
  elements: str
  returned: always
  sample: ["role web: absent -> may log in"]
admin_password_set:
  description: Whether the administrator's role was changed through the server's socket, because its password was
    rejected.
  type: bool
  returned: always
unmanaged_schemas:
  description: Schemas that are not declared, by database. They are not changed.
  type: dict
  returned: always
"""
