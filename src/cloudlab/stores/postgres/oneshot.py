"""Creates PostgreSQL's roles, databases and schemas with psql in its own image."""

from collections.abc import Mapping
from typing import Any

from cloudlab.stores import base
from cloudlab.stores.postgres.objects import NOTHING, create_database, declare, plan
from cloudlab.stores.postgres.shapes import BOOTSTRAP, LOCAL_PSQL, MAINTENANCE, Desired, identifier, literal

SOCKETS = "/var/run/postgresql"


def one_shot(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The program that creates the objects.

    It uses the server's socket, where the account `postgres` needs no password, so that a changed password also applies
    to existing data.
    """
    want = declare(arguments)
    passwords = [arguments["admin_password"], *(service.password for service in want.services)]
    known = {f"password_{number}": password for number, password in enumerate(passwords)}
    lines = [
        f"set -- -XqAt -v ON_ERROR_STOP=1 -U {BOOTSTRAP} -d {MAINTENANCE} -f -",
        f"({LOCAL_PSQL}) <<'SQL'",
        *(f"\\getenv {name} {name.upper()}" for name in known),
        script(want) + "SQL",
    ]
    env = {"PGOPTIONS": "-c client_min_messages=warning"}
    env |= {name.upper(): password for name, password in known.items()}
    return base.program(arguments["container"], "".join(f"{line}\n" for line in lines), env, [SOCKETS])


def script(want: Desired) -> str:
    """Input of psql that creates the declared objects, and changes nothing where they exist.

    Passwords come from psql's variables `password_0` (the administrator's) and the following (the services'),
    so the text contains none. Changes by hand are not reverted, unlike with :func:`plan`.
    """
    lines = [
        # The server logs slow and failed statements, which may hold passwords.
        "set log_min_duration_statement = -1;",
        "set log_min_error_statement = panic;",
    ]
    roles = [(want.admin, "superuser login"), *((service.role, "login") for service in want.services)]
    for number, (role, attributes) in enumerate(roles):
        lines += [
            _unless_there(f"create role {identifier(role)}", "pg_roles where rolname", role),
            f"alter role {identifier(role)} {attributes} password :'password_{number}';",
        ]
    lines += [_unless_there(create_database(base), "pg_database where datname", base.name) for base in want.databases]
    for database, steps in plan(want, NOTHING, {}).content.items():
        lines += [f"\\connect {identifier(database)}", *(f"{step.sql};" for step in steps)]
    return "".join(f"{line}\n" for line in lines)


def _unless_there(sql: str, where: str, name: str) -> str:
    """A statement for psql that is executed unless the catalogue has the name."""
    return f"select {literal(sql)} where not exists (select from {where} = {literal(name)}) \\gexec"  # noqa: S608 - quoted
