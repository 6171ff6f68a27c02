"""The checks of objects that services create, according to stores.yml."""

import pytest
import yaml

from cloudlab.model import catalogue, settings
from cloudlab.model.checks import FAILED, NOTE, OK
from cloudlab.validate import platform
from cloudlab.validate.platform import Expected

ENTRIES = {
    "postgres": {"kind": "store", "rows_in": "table"},
    "elasticsearch": {"kind": "store", "rows_in": "index"},
    "order": {"kind": "service", "schema": True},
    "mail": {"kind": "service", "database": "letters"},
    "search": {"kind": "service"},
}
CONTAINERS = {name: f"lab-{name}" for name in ENTRIES}
EXPECTED = Expected(
    migrations={"order": {"goose_db_version": 3}},
    indices={"search": ["goods"]},
    tables={},
    seeded={"postgres": {"order.orders": "orders"}, "elasticsearch": {"goods": "products"}},
)
FOUND = {
    "postgres": {
        "rows": {"order.orders": 9, "order.goose_db_version": 4, "letters.sent": 2},
        "versions": {"order": {"goose_db_version": 3}},
    },
    "elasticsearch": {"rows": {"goods": 5}},
}


def checks(found=FOUND, expected=EXPECTED, entries=ENTRIES):
    made = platform.checks(expected, found, entries, CONTAINERS, "lab")
    return {check.subject: check for check in made}


def versions(**tables):
    return FOUND | {"postgres": FOUND["postgres"] | {"versions": {"order": tables}}}


def test_indices_of_all_services_are_listed(tmp_path):
    assert platform.indices(tmp_path, ENTRIES) == []
    (tmp_path / "stores.yml").write_text("indices: {search: [goods, words], order: [orders]}")
    assert platform.indices(tmp_path, ENTRIES) == ["goods", "words", "orders"]


def test_existing_objects_pass():
    found = checks()
    assert {subject: check.state for subject, check in found.items()} == {
        "migrations of order, order.goose_db_version": OK,
        "migrations of mail": NOTE,
        "index goods": OK,
    }
    assert found["migrations of mail"].text == "1 tables"


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({}, "the version table is missing"),
        ({"goose_db_version": 0}, "at version 0, but the checkout is at 3"),
        ({"goose_db_version": 2}, "at version 2, but the checkout is at 3"),
    ],
)
def test_missing_migrations_fail(tables, text):
    check = checks(versions(**tables))["migrations of order, order.goose_db_version"]
    assert (check.state, check.text) == (FAILED, text)
    assert "docker restart lab-order" in check.cure


def test_a_checkout_older_than_its_data_passes_with_a_hint():
    check = checks(versions(goose_db_version=5))["migrations of order, order.goose_db_version"]
    assert (check.state, check.text) == (OK, "at version 5; the checkout is at 3, which is older than the data")


def test_a_missing_index_fails():
    check = checks(FOUND | {"elasticsearch": {"rows": {}}})["index goods"]
    assert (check.state, check.text) == (FAILED, "absent")
    assert "docker restart lab-search" in check.cure


def test_a_store_without_results_is_left_out():
    assert checks({}) == {}
    assert platform.seeded(EXPECTED, {}, ENTRIES, "small", {"orders": 9}) == []


def test_a_service_that_is_not_chosen_is_left_out():
    chosen = {name: entry for name, entry in ENTRIES.items() if name != "search"}
    assert "index goods" not in checks(entries=chosen)


def test_row_counts_are_notes_without_a_size():
    shown = platform.seeded(EXPECTED, FOUND, ENTRIES, "", {})
    assert [(check.subject, check.state, check.text) for check in shown] == [
        ("rows of table order.orders", NOTE, "9"),
        ("rows of index goods", NOTE, "5"),
    ]
    orders, goods = platform.seeded(EXPECTED, FOUND, ENTRIES, "small", {"orders": 9, "products": 6})
    assert orders.state == OK
    assert (goods.state, goods.text) == (FAILED, "5 rows instead of 6")
    assert goods.cure == "ansible-playbook playbooks/seed.yml -e size=small"


def test_a_missing_table_has_no_rows():
    found = {"postgres": {"rows": {}, "versions": {}}}
    assert platform.seeded(EXPECTED, found, ENTRIES, "", {})[0].text == "absent"
    assert platform.seeded(EXPECTED, found, ENTRIES, "small", {"orders": 9, "products": 6})[0].state == FAILED


def test_the_reference_platforms_file_is_valid():
    root = settings.ROOT / "files" / "platform"
    services = yaml.safe_load((root / "cloudlab.yml").read_text())["services"]
    entries = {name: entry | {"kind": "service"} for name, entry in services.items()}
    expected = platform.read(root, catalogue.committed()["catalogue"] | entries)
    with_schema = {name for name, entry in services.items() if entry.get("schema")}
    assert expected.migrations.keys() == with_schema
    assert all(version >= 1 for of in expected.migrations.values() for version in of.values())


def test_a_platform_without_the_file_expects_nothing(tmp_path):
    assert platform.read(tmp_path, ENTRIES) == Expected({}, {}, {}, {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a list", "expected a mapping, found a list"),
        ("migrations: 3", "migrations: expected a mapping, found a whole number"),
        ("indizes: {}", r"unknown key indizes. Did you mean indices\?"),
        ("indices: {serch: [a]}", r"indices: unknown service serch. Did you mean search\?"),
        ("indices: {search: a}", "indices.search: expected a list, found a string"),
        ("migrations: {order: here}", "migrations.order: expected a mapping, found a string"),
        ("migrations: {order: {v: nowhere}}", "migrations.order.v: no migrations in .*nowhere"),
        ("seeded: {postgresql: {}}", r"seeded: unknown store postgresql. Did you mean postgres\?"),
        ("a: [", "line 2, column 1: did not find expected node content"),
    ],
)
def test_an_invalid_file_is_rejected_with_the_place(tmp_path, content, message):
    (tmp_path / platform.FILE).write_text(content)
    with pytest.raises(platform.ExpectationError, match=message) as caught:
        platform.read(tmp_path, ENTRIES)
    assert str(caught.value).startswith(str(tmp_path / platform.FILE))


def test_the_version_is_that_of_the_newest_migration(tmp_path):
    for name in ("00001_first.sql", "00012_more.sql", "00007_between.go", "notes.txt", "v3.sql"):
        (tmp_path / name).touch()
    assert platform.newest(tmp_path) == 12
