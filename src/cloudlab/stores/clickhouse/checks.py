"""Checks of ClickHouse's databases and tables; findings are the rows of each table of the platform's database."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from cloudlab.model.checks import OK, Check, converge, verdict
from cloudlab.stores import readiness
from cloudlab.stores.clickhouse.objects import Desired, declare, differences, plan
from cloudlab.stores.clickhouse.server import Server
from cloudlab.stores.lazy_client import LazyClient

STORE = "clickhouse"


def check(arguments: Mapping[str, Any], docker: LazyClient) -> tuple[list[Check], dict[str, Any]]:
    """The checks of the server, and the rows of its tables."""
    want = declare(arguments)
    server = Server(*(arguments[key] for key in ("host", "port", "container", "user", "password")))
    try:
        state = readiness.wait_until(docker, server.container, partial(server.state, want))
        main = want.databases[0]
        rows = {table: server.count(base, table) for base, table in state["tables"] if base == main}
    finally:
        server.close()
    return checks(want, state), {"rows": rows}


def checks(want: Desired, state: Mapping[str, Any]) -> list[Check]:
    """A check per declared database and table."""
    missing = {step.subject: step for step in plan(want, state)}
    differing = differences(want, state)
    found = [Check(STORE, "answers", OK)]
    for name in want.databases:
        found.append(verdict(STORE, f"database {name}", "absent" * (name not in state["databases"]), converge(STORE)))
    for table in want.tables:
        subject = f"table {table.database}.{table.name}"
        lacking = [step for key, step in missing.items() if key == subject or key.startswith(f"{subject}, ")]
        faults = ["absent" if step.subject == subject else f"{step.subject} is absent" for step in lacking]
        faults += [text for text in differing if text.startswith(f"{subject}: ")]
        cure = converge(STORE) if lacking else "alter the table, or drop it and converge"
        found.append(verdict(STORE, subject, "; ".join(faults), cure))
    return found
