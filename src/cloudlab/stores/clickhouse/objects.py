"""ClickHouse's databases and tables: desired state, and the statements that lead to it. Pure functions.

The state of a server: {"databases": {name}, "tables": {(database, table): {"engine": name, "columns": {name: type}}}}.
It is read from the rows of :func:`query`, whose syntax 18.16 and current versions both support.

Nothing is dropped or altered, except that columns are added. A table with other differences is reported.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cloudlab.stores.base import ObjectsError

NOTHING: dict[str, Any] = {"databases": set(), "tables": {}}


@dataclass(frozen=True)
class Column:
    """A column; ``default`` is an expression."""

    name: str
    type: str
    default: str | None = None

    @property
    def sql(self) -> str:
        default = f" DEFAULT {self.default}" if self.default is not None else ""
        return f"{identifier(self.name)} {self.type}{default}"


@dataclass(frozen=True)
class Table:
    """A table, by its columns and engine or by a whole statement (``ddl``)."""

    database: str
    name: str
    columns: tuple[Column, ...] = ()
    engine: str = ""
    ddl: str = ""

    @property
    def sql(self) -> str:
        if self.ddl:
            return self.ddl
        columns = ", ".join(column.sql for column in self.columns)
        return f"CREATE TABLE IF NOT EXISTS {self.path} ({columns}) ENGINE = {self.engine}"

    @property
    def path(self) -> str:
        return f"{identifier(self.database)}.{identifier(self.name)}"


@dataclass(frozen=True)
class Desired:
    """The desired state: names of databases, and tables."""

    databases: tuple[str, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Step:
    """One statement and what it changes; ``database``: for unqualified names in the statement."""

    subject: str
    after: str
    sql: str
    database: str | None = None


def declare(arguments: Mapping[str, Any]) -> Desired:
    """The declaration of the action's arguments, checked. Raises ObjectsError with every mistake."""
    main = arguments["database"]
    tables = tuple(
        Table(
            database=entry.get("database") or main,
            name=entry["name"],
            columns=tuple(
                Column(column["name"], column["type"], column.get("default")) for column in entry.get("columns") or []
            ),
            engine=entry.get("engine") or "",
            ddl=(entry.get("ddl") or "").strip().rstrip(";"),
        )
        for entry in arguments.get("tables") or []
    )
    databases = dict.fromkeys([main, *(arguments.get("databases") or []), *(table.database for table in tables)])
    result = Desired(tuple(databases), tables)
    if faults := list(_faults(result)):
        raise ObjectsError(faults)
    return result


def query(want: Desired) -> str:
    """One statement for the whole state: rows {"kind", "base", "object", "part", "detail"}, all text."""
    bases = ", ".join(literal(name) for name in want.databases)
    return f"""
        SELECT 'database' AS kind, name AS base, '' AS object, '' AS part, '' AS detail FROM system.databases
        UNION ALL
        SELECT 'table' AS kind, database AS base, name AS object, '' AS part, engine AS detail
        FROM system.tables WHERE database IN ({bases})
        UNION ALL
        SELECT 'column' AS kind, database AS base, table AS object, name AS part, type AS detail
        FROM system.columns WHERE database IN ({bases})
        FORMAT JSONEachRow"""  # noqa: S608 - the names are quoted by literal()


def read_state(rows: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """The server's state from the rows of :func:`query`, in any order."""
    state: dict[str, Any] = {"databases": set(), "tables": {}}
    for row in rows:
        if row["kind"] == "database":
            state["databases"].add(row["base"])
            continue
        table = state["tables"].setdefault((row["base"], row["object"]), {"engine": "", "columns": {}})
        if row["kind"] == "table":
            table["engine"] = row["detail"]
        else:
            table["columns"][row["part"]] = row["detail"]
    return state


def plan(want: Desired, state: Mapping[str, Any]) -> list[Step]:
    """The statements that create missing objects, in order."""
    steps = [
        Step(f"database {name}", "present", f"CREATE DATABASE IF NOT EXISTS {identifier(name)}")
        for name in want.databases
        if name not in state["databases"]
    ]
    for table in want.tables:
        known = state["tables"].get((table.database, table.name))
        subject = f"table {table.database}.{table.name}"
        if known is None:
            steps.append(Step(subject, "present", table.sql, table.database))
        else:
            steps += [_add(table, column) for column in table.columns if column.name not in known["columns"]]
    return steps


def differences(want: Desired, state: Mapping[str, Any]) -> list[str]:
    """Differences of existing objects that are not changed automatically, a sentence each."""
    found = []
    for table in want.tables:
        known = state["tables"].get((table.database, table.name))
        if known is None or table.ddl:
            continue
        place = f"table {table.database}.{table.name}"
        if known["engine"] != _engine_name(table.engine):
            found.append(f"{place}: the engine is {known['engine']}, declared is {_engine_name(table.engine)}.")
        for column in table.columns:
            has = known["columns"].get(column.name)
            if has is not None and _plain(has) != _plain(column.type):
                found.append(f"{place}: column {column.name} is {has}, declared is {column.type}.")
        if extra := sorted(set(known["columns"]) - {column.name for column in table.columns}):
            found.append(f"{place}: undeclared columns: {', '.join(extra)}.")
    return found


def identifier(name: str) -> str:
    """``name`` quoted as an identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(text: str) -> str:
    """``text`` quoted as a string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _faults(want: Desired) -> Iterable[str]:
    for name in want.databases:
        if not name:
            yield "a database without a name is declared."
        elif name.lower() in ("system", "information_schema"):
            yield f"database {name}: ClickHouse keeps this name for itself. Choose another one."
    paths = [(table.database, table.name) for table in want.tables]
    for table in want.tables:
        place = f"table {table.database}.{table.name}"
        if bool(table.ddl) == bool(table.columns):
            yield f"{place}: set either ddl, or columns and engine."
        elif table.columns and not table.engine:
            yield f"{place}: columns are declared, but no engine."
        if paths.count((table.database, table.name)) > 1:
            yield f"{place}: declared more than once."


def _add(table: Table, column: Column) -> Step:
    sql = f"ALTER TABLE {table.path} ADD COLUMN {column.sql}"
    return Step(f"table {table.database}.{table.name}, column {column.name}", column.type, sql, table.database)


def _engine_name(engine: str) -> str:
    return re.split(r"\W", engine.strip(), maxsplit=1)[0]


def _plain(text: str) -> str:
    """A type without spaces, in which versions differ."""
    return re.sub(r"\s+", "", text)
