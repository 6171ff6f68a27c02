"""The checks of a PostgreSQL server: one per thing that may be wrong, and none twice."""

import copy

import pytest

from cloudlab.model.checks import FAILED, NOTE, OK
from cloudlab.stores.postgres import objects, scram
from cloudlab.stores.postgres.checks import Login, checks

WANT = objects.declare(
    {
        "admin_user": "cloudlab",
        "database": "cloudlab",
        "services": [
            {"name": "order", "password": "one", "schema": "order"},
            {"name": "mail", "password": "two", "database": "letters"},
        ],
        "databases": [{"name": "letters", "owner": "mail"}],
    }
)
LOGINS = {"order": Login(), "mail": Login()}


def role(password):
    return {"login": True, "privileges": [], "password": scram.verifier(password), "member_of": []}


STATE = {
    "roles": {"order": role("one"), "mail": role("two")},
    "settings": [{"database": "cloudlab", "role": "order", "values": ['search_path="order", "public"']}],
    "databases": {
        "cloudlab": {"owner": "cloudlab", "connect": ["cloudlab", "order"]},
        "letters": {"owner": "mail", "connect": ["mail"]},
        "postgres": {"owner": "postgres", "connect": []},
        "template1": {"owner": "postgres", "connect": []},
    },
}
PUBLIC = {"owner": "pg_database_owner", "grants": [["public", "USAGE"]]}
CONTENTS = {
    "cloudlab": {"schemas": {"public": PUBLIC, "order": {"owner": "order", "grants": []}}, "extensions": {}},
    "letters": {"schemas": {"public": PUBLIC}, "extensions": {}},
}


@pytest.fixture
def server():
    """State, contents and logins of a server without faults."""
    return copy.deepcopy(STATE), copy.deepcopy(CONTENTS), dict(LOGINS)


def failed(server):
    return {check.subject: check for check in checks(WANT, *server) if check.state == FAILED}


def test_a_server_in_order(server):
    found = checks(WANT, *server)
    assert {check.state for check in found} == {OK}
    assert [check.subject for check in found] == [
        "answers",
        "database cloudlab",
        "database letters",
        "role order",
        "schema order",
        "role order, others' data",
        "role mail",
        "role mail, others' data",
        "grants, search paths, extensions",
    ]


def test_a_schema_that_was_renamed(server):
    _, contents, _ = server
    contents["cloudlab"]["schemas"]["order_old"] = contents["cloudlab"]["schemas"].pop("order")
    assert failed(server).keys() == {"schema order"}
    assert failed(server)["schema order"].text == "absent"
    assert "playbooks/dev.yml --tags postgres" in failed(server)["schema order"].cure
    notes = [check for check in checks(WANT, *server) if check.state == NOTE]
    assert [(note.subject, note.text) for note in notes] == [("undeclared schemas", "cloudlab.order_old")]


def test_a_schema_of_another_owner(server):
    server[1]["cloudlab"]["schemas"]["order"]["owner"] = "cloudlab"
    assert failed(server)["schema order"].text == "owned by cloudlab"


def test_a_database_that_was_dropped(server):
    state, contents, logins = server
    del state["databases"]["letters"], contents["letters"]
    logins["mail"] = Login(fault='database "letters" does not exist')
    assert failed(server)["database letters"].text == "absent"
    assert failed(server)["role mail"].text == 'database "letters" does not exist'


def test_a_role_that_cannot_log_in(server):
    state, _, logins = server
    state["roles"]["order"]["login"] = False
    logins["order"] = Login(fault='role "order" is not permitted to log in')
    assert failed(server).keys() == {"role order"}


def test_a_role_whose_password_was_changed(server):
    state, _, logins = server
    state["roles"]["order"]["password"] = scram.verifier("another")
    logins["order"] = Login(fault="password authentication failed")
    assert failed(server).keys() == {"role order"}


def test_a_role_that_reaches_others(server):
    server[2]["mail"] = Login(foreign=("schema order",))
    assert failed(server)["role mail, others' data"].text == "may use schema order"


def test_what_has_no_check_of_its_own_is_told_as_well(server):
    server[0]["settings"].clear()
    server[0]["databases"]["cloudlab"]["connect"].append("public")
    text = failed(server)["grants, search paths, extensions"].text
    assert "role order, search_path in cloudlab: default" in text
    assert "may connect: everybody" in text
