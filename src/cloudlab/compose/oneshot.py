"""What fills a store: a program that runs once in the store's own image, each time everything comes up.

{"container": the store's container, "script": for a shell, "env": {variable: value},
 "shares": [folders of the store that it has to see]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudlab.stores import postgres as statements
from cloudlab.stores import postgres_server

SOCKETS = "/var/run/postgresql"


def shell(container: str, script: str, env: Mapping[str, str] | None = None, shares: list[str] | None = None) -> dict:
    """A program of the shell, which ends at the first command that fails."""
    return {"container": container, "script": f"set -eu\n{script}", "env": dict(env or {}), "shares": shares or []}


def postgres(container: str, want: statements.Desired, password: str) -> dict[str, Any]:
    """PostgreSQL's roles, databases and schemas.

    It comes in by the server's socket, where the account `postgres` needs no password: so a password that was changed
    reaches data that knows another one. password: the administrator's.
    """
    passwords = [password, *(service.password for service in want.services)]
    known = {f"password_{number}": known for number, known in enumerate(passwords)}
    lines = [
        f"set -- -XqAt -v ON_ERROR_STOP=1 -U {statements.BOOTSTRAP} -d {statements.MAINTENANCE} -f -",
        f"({postgres_server.LOCAL_PSQL}) <<'SQL'",
        *(f"\\getenv {name} {name.upper()}" for name in known),
        statements.script(want) + "SQL",
    ]
    env = {"PGOPTIONS": "-c client_min_messages=warning"}
    env |= {name.upper(): password for name, password in known.items()}
    return shell(container, "".join(f"{line}\n" for line in lines), env, [SOCKETS])


def kafka(container: str, script: str) -> dict[str, Any]:
    """Kafka's topics. The tool gets a heap of its own, smaller than the broker's."""
    return shell(container, script, {"KAFKA_HEAP_OPTS": "-Xmx96m"})


def clickhouse(container: str, script: str, inside: str, login: Mapping[str, str]) -> dict[str, Any]:
    """ClickHouse's databases and tables. inside: host:port of the native protocol."""
    host, _, port = inside.partition(":")
    command = f'clickhouse-client --host {host} --port {port} --user "$LOGIN_USER" --password "$LOGIN_PASSWORD"'
    lines = f"{command} --multiquery <<'SQL'\n{script}SQL\n"
    return shell(container, lines, {"LOGIN_USER": login["user"], "LOGIN_PASSWORD": login["password"]})
