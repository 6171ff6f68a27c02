"""ClickHouse as its role runs it: users, health, and the convergence of databases and tables on a real server.

The convergence is tested on the pinned version too, which is not available from packages.
"""

import base64
import http.client

import pytest
import stores
from pinned_clickhouse import Pinned

ODD_PASSWORD = "a$HOME' \"%s#`\\ü: z "
VIEWS = {
    "name": "views",
    "columns": [{"name": "day", "type": "Date"}, {"name": "shop", "type": "UInt32"}],
    "engine": "MergeTree() PARTITION BY toYYYYMM(day) ORDER BY (shop, day)",
}

pytestmark = pytest.mark.skipif(not stores.has_engine(), reason="no engine")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with stores.Store("clickhouse", tmp_path_factory.mktemp("clickhouse"), clickhouse_password=ODD_PASSWORD) as store:
        store.wait_healthy()
        yield store


@pytest.fixture(scope="module")
def pinned(tmp_path_factory):
    with Pinned(tmp_path_factory.mktemp("pinned")) as pinned:
        yield pinned


@pytest.fixture(params=["store", "pinned"])
def either(request):
    """The version from packages and the pinned one. The latter has no passwords."""
    return request.getfixturevalue(request.param)


def ask(store, sql, user="cloudlab", password=ODD_PASSWORD):
    """(status, text) of a statement, as any client would send it."""
    connection = http.client.HTTPConnection("127.0.0.1", store.port("http"), timeout=10)
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    connection.request("POST", "/", sql.encode(), {"Authorization": f"Basic {credentials}"})
    response = connection.getresponse()
    try:
        return response.status, response.read().decode()
    finally:
        connection.close()  # a kept connection would be waited for when the server stops


def converge(store, check=False, **arguments):
    arguments = {
        "port": store.port("http"),
        "container": store.name,
        "user": "cloudlab",
        "password": ODD_PASSWORD,
        "database": "shop",
    } | arguments
    return stores.run_action("clickhouse_objects", arguments, check=check)


def test_who_may_ask(store):
    assert ask(store, "SELECT 1") == (200, "1\n")
    assert ask(store, "SELECT 1", password="wrong")[0] in (401, 403)
    assert ask(store, "SELECT 1", user="default", password="")[0] != 200
    assert ask(store, "SELECT 1", user="healthcheck", password="")[0] != 200


def test_the_secret_is_nowhere_to_be_read(store):
    inspected = str(store.api.inspect_container(store.name))
    written = "".join(file.read_text() for file in store.directory.rglob("*.xml"))
    assert ODD_PASSWORD not in inspected + written


def test_converges_once_and_adds_what_is_declared_later(either):
    would = converge(either, check=True, tables=[VIEWS])
    assert would["changed"]
    assert "shop" not in ask(either, "SHOW DATABASES")[1]

    assert converge(either, tables=[VIEWS])["applied"] == [
        "database shop: absent -> present",
        "table shop.views: absent -> present",
    ]
    again = converge(either, tables=[VIEWS])
    assert not again["changed"], again

    ask(either, "INSERT INTO shop.views VALUES ('2026-01-02', 7)")
    price = {"name": "price", "type": "Decimal(18, 2)", "default": "toDecimal64(1, 2)"}
    grown = converge(either, tables=[VIEWS | {"columns": [*VIEWS["columns"], price]}])
    assert grown["applied"] == ["table shop.views, column price: absent -> Decimal(18, 2)"]
    assert ask(either, "SELECT shop, price FROM shop.views")[1].startswith("7\t1")

    differing = converge(either, tables=[VIEWS | {"columns": [{"name": "day", "type": "DateTime"}]}])
    assert not differing["changed"]
    assert "column day is Date, declared is DateTime" in differing["differences"][0]
    assert "undeclared columns: price, shop" in differing["differences"][1]
    assert ODD_PASSWORD not in str(differing)


def test_a_statement_of_its_own(either):
    ddl = "CREATE TABLE single (name String) ENGINE = Log;"
    assert converge(either, tables=[{"name": "single", "ddl": ddl}])["changed"]
    assert not converge(either, tables=[{"name": "single", "ddl": ddl}])["changed"]
    assert "single" in ask(either, "SHOW TABLES FROM shop")[1]


def test_a_statement_that_fails_is_named(either):
    failed = converge(either, tables=[{"name": "bad", "ddl": "CREATE TABLE bad (n Nonsense) ENGINE = Log"}])
    assert failed["failed"]
    assert "table shop.bad: " in failed["msg"]
    assert "Nonsense" in failed["msg"]
    assert "Stack trace" not in failed["msg"]


def test_data_survives_a_kill_and_a_new_password(store):
    converge(store, tables=[VIEWS])
    rows = ask(store, "SELECT count() FROM shop.views")[1]
    store.kill()
    store.recreate(clickhouse_password="another one")
    store.wait_healthy()
    assert ask(store, "SELECT 1")[0] != 200
    assert ask(store, "SELECT count() FROM shop.views", password="another one")[1] == rows
    refused = converge(store)
    assert "refuses the user cloudlab" in refused["msg"]
    assert converge(store, check=True)["changed"] is False
    store.recreate(clickhouse_password=ODD_PASSWORD)
    store.wait_healthy()


def test_a_server_that_is_not_there(store):
    store.api.stop(store.name, timeout=10)
    assert "is not running: it " in converge(store)["msg"]
    would = converge(store, check=True)
    assert would["applied"] == ["database shop: absent -> present"]
    store.start()
    assert not converge(store)["changed"]  # waits for the server by itself
