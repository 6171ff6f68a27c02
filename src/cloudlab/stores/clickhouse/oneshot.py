"""Creates ClickHouse's databases and tables with the client of its own image."""

import re
from collections.abc import Mapping
from typing import Any

from cloudlab.stores import base
from cloudlab.stores.clickhouse.objects import NOTHING, Desired, declare, identifier, plan


def one_shot(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The program that creates the objects. `inside` is host:port of the native protocol."""
    host, _, port = arguments["inside"].partition(":")
    command = f'clickhouse-client --host {host} --port {port} --user "$LOGIN_USER" --password "$LOGIN_PASSWORD"'
    lines = f"{command} --multiquery <<'SQL'\n{script(declare(arguments))}SQL\n"
    login = {"LOGIN_USER": arguments["user"], "LOGIN_PASSWORD": arguments["password"]}
    return base.program(arguments["container"], lines, login)


def script(want: Desired) -> str:
    """Input of the client that creates the declared objects, and changes nothing where they exist.

    Raises ObjectsError for a table whose own statement fails where there is one already.
    """
    faults = [
        f"table {table.database}.{table.name}: its ddl has to say IF NOT EXISTS, for it is carried out again and again."
        for table in want.tables
        if table.ddl and not re.search(r"\bif\s+not\s+exists\b", table.ddl, re.IGNORECASE)
    ]
    if faults:
        raise base.ObjectsError(faults)
    lines = []
    for step in plan(want, NOTHING):
        lines += [f"USE {identifier(step.database)};"] if step.database else []
        lines.append(f"{step.sql};")
    return "".join(f"{line}\n" for line in lines)
