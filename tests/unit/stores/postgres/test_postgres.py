"""The plan for a PostgreSQL server: mistakes in declarations, missing, different and unchanged objects."""

import copy

import pytest

from cloudlab.stores.base import ObjectsError
from cloudlab.stores.postgres import objects, oneshot, scram

ARGUMENTS = {
    "admin_user": "cloudlab",
    "database": "cloudlab",
    "health_role": "healthcheck",
    "services": [
        {"name": "order", "role": "order", "password": "o", "schema": "order"},
        {"name": "billing", "role": "billing", "password": "b", "database": "billing"},
    ],
    "extensions": [{"name": "pg_trgm"}, {"name": "citext", "schema": "ext"}],
    "databases": [{"name": "billing", "owner": "billing"}],
}


def role(password=None, **different):
    verifier = scram.verifier(password) if password else None
    return {"login": True, "privileges": [], "password": verifier, "member_of": []} | different


STATE = {
    "roles": {
        "cloudlab": role("c", privileges=["superuser"]),
        "postgres": role(privileges=["superuser"]),
        "healthcheck": role(),
        "order": role("o"),
        "billing": role("b"),
    },
    "settings": [{"database": "cloudlab", "role": "order", "values": ["jit=off", 'search_path="order", public, ext']}],
    "databases": {
        "postgres": {"owner": "postgres", "connect": ["postgres", "healthcheck"]},
        "template1": {"owner": "postgres", "connect": ["postgres"]},
        "cloudlab": {"owner": "cloudlab", "connect": ["cloudlab", "order"]},
        "billing": {"owner": "billing", "connect": ["billing"]},
    },
}
EMPTY = objects.NOTHING["content"]
CONTENTS = {
    "cloudlab": {
        "schemas": {
            "public": {"owner": "pg_database_owner", "grants": [["public", "USAGE"]]},
            "order": {"owner": "order", "grants": [["order", "USAGE"], ["order", "CREATE"]]},
            "ext": {"owner": "cloudlab", "grants": [["cloudlab", "USAGE"], ["public", "USAGE"]]},
        },
        "extensions": {"plpgsql": "pg_catalog", "pg_trgm": "public", "citext": "ext"},
    },
    "billing": EMPTY,
}


@pytest.fixture
def want():
    return objects.declare(ARGUMENTS)


@pytest.fixture
def state():
    return copy.deepcopy(STATE)


@pytest.fixture
def contents():
    return copy.deepcopy(CONTENTS)


def statements(want, state, contents):
    return [step.sql for step in objects.plan(want, state, contents).steps()]


def test_nothing_to_do(want, state, contents):
    assert statements(want, state, contents) == []
    assert objects.unmanaged_schemas(want, contents) == {}


def test_a_server_without_anything(want):
    plan = objects.plan(want, objects.NOTHING, {})
    assert [step.subject for step in plan.cluster] == ["role healthcheck", "role order", "role billing"]
    assert [step.sql for step in plan.create] == [
        'create database "cloudlab" owner "cloudlab"',
        'create database "billing" owner "billing"',
    ]
    assert [step.sql for step in plan.content["cloudlab"]] == [
        'grant connect on database "cloudlab" to "order"',
        'revoke connect on database "cloudlab" from public',
        'revoke connect on database "billing" from public',
        'grant connect on database "postgres" to "healthcheck"',
        'revoke connect on database "postgres" from public',
        'revoke connect on database "template1" from public',
        'create schema if not exists "ext"',
        'grant usage on schema "ext" to public',
        'create extension if not exists "pg_trgm" schema "public" cascade',
        'create extension if not exists "citext" schema "ext" cascade',
        'create schema if not exists "order" authorization "order"',
        'alter role "order" in database "cloudlab" set search_path = "order", "public", "ext"',
    ]
    assert plan.content["billing"] == []


def test_no_step_shows_a_secret(want):
    shown = repr(objects.plan(want, objects.NOTHING, {})) + repr(want)
    assert "SCRAM" not in shown
    assert "password='" not in shown


def test_a_changed_password(want, state, contents):
    state["roles"]["order"] = role("another")
    [sql] = statements(want, state, contents)
    assert sql.startswith('alter role "order" password \'SCRAM-SHA-256$4096:')
    assert scram.matches("o", sql.split("'")[1])


@pytest.mark.parametrize(
    ("group", "taken"),
    [("cloudlab", True), ("billing", True), ("pg_write_all_data", True), ("boss", True), ("team", False)],
)
def test_memberships_that_break_the_isolation_are_taken_back(want, state, contents, group, taken):
    state["roles"] |= {"team": role(), "boss": role(privileges=["superuser"])}
    state["roles"]["order"]["member_of"] = [group]
    assert statements(want, state, contents) == ([f'revoke "{group}" from "order"'] if taken else [])


def test_a_grant_to_a_role_that_nobody_declares_is_left_alone(want, state, contents):
    contents["cloudlab"]["schemas"]["order"]["grants"].append(["guest", "USAGE"])
    state["databases"]["cloudlab"]["connect"].append("guest")
    assert statements(want, state, contents) == []


def test_an_extension_without_a_schema_may_be_anywhere(want, state, contents):
    contents["cloudlab"]["extensions"]["pg_trgm"] = "elsewhere"
    assert statements(want, state, contents) == []
    contents["cloudlab"]["extensions"]["citext"] = "elsewhere"
    assert statements(want, state, contents) == ['alter extension "citext" set schema "ext"']


def test_undeclared_schemas_are_reported(want, contents):
    contents["cloudlab"]["schemas"]["attic"] = {"owner": "cloudlab", "grants": []}
    assert objects.unmanaged_schemas(want, contents) == {"cloudlab": ["attic"]}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": "x", "password": ""}, "service x: the password is empty"),
        ({"name": "x", "password": "p", "role": "cloudlab"}, "belongs to the administrator"),
        ({"name": "x", "password": "p", "role": "postgres"}, "belongs to the server's own superuser"),
        ({"name": "x", "password": "p", "role": "healthcheck"}, "belongs to the health check"),
        ({"name": "x", "password": "p", "database": "nowhere"}, "database nowhere is not declared"),
        ({"name": "x", "password": "p", "role": "order"}, "role order is declared 2 times"),
        ({"name": "x", "password": "p", "schema": "order"}, "schema cloudlab.order is declared 2 times"),
        ({"name": "x", "password": "p", "schema": "public"}, "schema public is everybody's"),
        ({"name": "x", "password": "p", "schema": "pg_x"}, "PostgreSQL keeps it for itself"),
        ({"name": "x", "password": "p", "role": "r" * 64}, "allows 1 to 63 bytes"),
    ],
)
def test_a_declaration_that_cannot_be(change, fault):
    with pytest.raises(ObjectsError, match=fault):
        objects.declare(ARGUMENTS | {"services": [*ARGUMENTS["services"], change]})


def test_an_owner_that_nobody_declares():
    with pytest.raises(ObjectsError, match="database other: its owner ghost is not a declared role"):
        objects.declare(ARGUMENTS | {"databases": [*ARGUMENTS["databases"], {"name": "other", "owner": "ghost"}]})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a, b", ["a", "b"]),
        ('"order", public', ["order", "public"]),
        ('"a ""b"", c",d', ['a "b", c', "d"]),
        ('"$user"', ["$user"]),
        ("", []),
    ],
)
def test_a_list_of_names(text, names):
    assert objects.parse_name_list(text) == names


def test_quoting():
    assert objects.identifier('a"; drop') == '"a""; drop"'
    assert objects.literal("it's") == "'it''s'"
    assert objects.literal("a\\'b") == " E'a\\\\''b'"


def test_the_script_makes_everything_and_holds_no_password(want):
    script = oneshot.script(want)
    assert all(f"'{service.password}'" not in script for service in want.services)
    lines = script.splitlines()
    for number, role in enumerate(["cloudlab", "order", "billing"]):
        assert any(f'create role "{role}"' in line and line.endswith("\\gexec") for line in lines)
        assert any(line.startswith(f'alter role "{role}"') and f":'password_{number}'" in line for line in lines)
    places = [lines.index(f'\\connect "{name}"') for name in ("cloudlab", "billing")]
    content = lines[places[0] + 1 : places[1]]
    assert content == [f"{step.sql};" for step in objects.plan(want, objects.NOTHING, {}).content["cloudlab"]]
