"""ClickHouse: databases and tables. What was found: {"tables": {table of the platform's database: rows}}."""

from collections.abc import Mapping
from typing import Any

from cloudlab.stores import clickhouse, clickhouse_server
from cloudlab.validate import OK, Check, converge, verdict

STORE = "clickhouse"


def find(server: clickhouse_server.Server, want: clickhouse.Desired, state: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of every table of the platform's database."""
    main = want.databases[0]
    return {"tables": {table: server.count(base, table) for base, table in state["tables"] if base == main}}


def checks(want: clickhouse.Desired, state: Mapping[str, Any]) -> list[Check]:
    """A check per declared database and table."""
    missing = {step.subject: step for step in clickhouse.plan(want, state)}
    differences = clickhouse.differences(want, state)
    found = [Check(STORE, "answers", OK)]
    for name in want.databases:
        found.append(verdict(STORE, f"database {name}", "absent" * (name not in state["databases"]), converge(STORE)))
    for table in want.tables:
        subject = f"table {table.database}.{table.name}"
        lacking = [step for key, step in missing.items() if key == subject or key.startswith(f"{subject}, ")]
        faults = ["absent" if step.subject == subject else f"{step.subject} is absent" for step in lacking]
        faults += [text for text in differences if text.startswith(f"{subject}: ")]
        cure = converge(STORE) if lacking else "alter the table, or drop it and converge"
        found.append(verdict(STORE, subject, "; ".join(faults), cure))
    return found
