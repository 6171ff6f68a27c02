"""The plan for a ClickHouse server, and the reading of its answers, of old and current versions."""

import pytest

from cloudlab.stores.base import ObjectsError, RefusedError, StoreError
from cloudlab.stores.clickhouse import objects, oneshot
from cloudlab.stores.clickhouse.server import Server

VIEWS = {
    "name": "views",
    "columns": [{"name": "day", "type": "Date"}, {"name": "n", "type": "Decimal(18, 2)", "default": "0"}],
    "engine": "MergeTree() ORDER BY day",
}
ROWS = [
    {"kind": "database", "base": "default", "object": "", "part": "", "detail": ""},
    {"kind": "column", "base": "shop", "object": "views", "part": "day", "detail": "Date"},
    {"kind": "column", "base": "shop", "object": "views", "part": "n", "detail": "Decimal(18,2)"},
    {"kind": "table", "base": "shop", "object": "views", "part": "", "detail": "MergeTree"},
    {"kind": "database", "base": "shop", "object": "", "part": "", "detail": ""},
]


def want(*tables, **arguments):
    return objects.declare({"database": "shop", "tables": list(tables)} | arguments)


def test_nothing_to_do():
    state = objects.read_state(ROWS)
    assert objects.plan(want(VIEWS), state) == []
    assert objects.differences(want(VIEWS), state) == []


def test_a_server_without_anything():
    declared = want(VIEWS, {"database": "logs", "name": "raw", "ddl": "CREATE TABLE raw (s String) ENGINE = Log; "})
    steps = objects.plan(declared, objects.read_state([]))
    assert [step.sql for step in steps] == [
        "CREATE DATABASE IF NOT EXISTS `shop`",
        "CREATE DATABASE IF NOT EXISTS `logs`",
        "CREATE TABLE IF NOT EXISTS `shop`.`views` (`day` Date, `n` Decimal(18, 2) DEFAULT 0)"
        " ENGINE = MergeTree() ORDER BY day",
        "CREATE TABLE raw (s String) ENGINE = Log",
    ]
    assert steps[-1].database == "logs"


def test_a_missing_column_is_added():
    state = objects.read_state(row for row in ROWS if row["part"] != "n")
    [step] = objects.plan(want(VIEWS), state)
    assert step.sql == "ALTER TABLE `shop`.`views` ADD COLUMN `n` Decimal(18, 2) DEFAULT 0"


def test_what_differs_otherwise_is_reported_and_left():
    other = VIEWS | {"columns": [{"name": "day", "type": "DateTime"}], "engine": "Log"}
    state = objects.read_state(ROWS)
    assert objects.plan(want(other), state) == []
    assert objects.differences(want(other), state) == [
        "table shop.views: the engine is MergeTree, declared is Log.",
        "table shop.views: column day is Date, declared is DateTime.",
        "table shop.views: undeclared columns: n.",
    ]


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"name": "x"}, "set either ddl, or columns and engine"),
        ({"name": "x", "ddl": "CREATE", "columns": [{"name": "a", "type": "Date"}]}, "set either ddl"),
        ({"name": "x", "columns": [{"name": "a", "type": "Date"}]}, "no engine"),
        ({"name": "x", "database": "system", "ddl": "CREATE"}, "keeps this name for itself"),
        (VIEWS, "declared more than once"),
    ],
)
def test_a_declaration_that_cannot_be(table, fault):
    with pytest.raises(ObjectsError, match=fault):
        want(VIEWS, table)


def test_quoting():
    assert objects.identifier("a`\\b") == "`a\\`\\\\b`"
    assert objects.literal("it's \\") == "'it\\'s \\\\'"
    assert "'o\\'x'" in objects.query(want(databases=["o'x"]))


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "Code: 60, e.displayText() = DB::Exception: Table a.b doesn't exist., e.what() = DB::Exception",
            StoreError,
            r"Table a.b doesn't exist. \(code 60\)",
        ),
        (
            "Code: 60. DB::Exception: Table a.b does not exist. (UNKNOWN_TABLE) (version 26.3.37.3 (official build))\n",
            StoreError,
            r"Table a.b does not exist. \(UNKNOWN_TABLE\) \(code 60\)",
        ),
        (
            "Code: 193, e.displayText() = DB::Exception: Wrong password for user u, e.what() = DB::Exception",
            RefusedError,
            "refuses the user u: Wrong password",
        ),
        (
            "Code: 516. DB::Exception: u: Authentication failed: it is incorrect. (AUTHENTICATION_FAILED) (version 26",
            RefusedError,
            "refuses the user u: u: Authentication failed",
        ),
        ("<html>a proxy</html>", StoreError, "a proxy"),
    ],
)
def test_errors_of_every_version(text, kind, message):
    server = Server("127.0.0.1", 1, "h-clickhouse", "u", "p")
    with pytest.raises(kind, match=message):
        raise server._failure(text)


def test_the_password_is_not_shown():
    assert "geheim" not in repr(Server("127.0.0.1", 1, "c", "u", "geheim"))


def test_the_script_can_be_carried_out_again_and_again():
    raw = {"database": "logs", "name": "raw", "ddl": "CREATE TABLE IF NOT EXISTS raw (s String) ENGINE = Log; "}
    assert oneshot.script(want(VIEWS, raw)).splitlines() == [
        "CREATE DATABASE IF NOT EXISTS `shop`;",
        "CREATE DATABASE IF NOT EXISTS `logs`;",
        "USE `shop`;",
        "CREATE TABLE IF NOT EXISTS `shop`.`views` (`day` Date, `n` Decimal(18, 2) DEFAULT 0)"
        " ENGINE = MergeTree() ORDER BY day;",
        "USE `logs`;",
        "CREATE TABLE IF NOT EXISTS raw (s String) ENGINE = Log;",
    ]


def test_a_statement_that_fails_the_second_time_is_refused():
    raw = {"database": "logs", "name": "raw", "ddl": "CREATE TABLE raw (s String) ENGINE = Log"}
    with pytest.raises(ObjectsError, match=r"logs\.raw: its ddl has to say IF NOT EXISTS"):
        oneshot.script(want(raw))
