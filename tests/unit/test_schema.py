"""The schema layer: messages about invalid documents, and the published JSON Schemas."""

import json
from typing import Annotated, Literal

import jsonschema
import pytest
import yaml
from msgspec import UNSET, Meta, UnsetType, field

from cloudlab.model import schema, settings

SCHEMAS = settings.ROOT / "docs" / "schemas"
DOCUMENTS = {
    "files/platform/cloudlab.yml": "cloudlab.schema.json",
    "tests/platform-second/cloudlab.yml": "cloudlab.schema.json",
    "group_vars/all/catalogue.yml": "catalogue.schema.json",
}


class Door(schema.Declaration):
    exactly_one = ("key", "code")

    key: str | UnsetType = UNSET
    code: Annotated[int, Meta(ge=1000, extra={"expected": "at least 1000", "secret": True})] | UnsetType = UNSET


class House(schema.Declaration):
    owner: str
    doors: list[Door] = field(default_factory=list)
    colour: Literal["red", "blue"] = "red"
    rooms: dict[str, int | float] = field(default_factory=dict)
    pin: Annotated[str | UnsetType, Meta(extra={"secret": True})] = UNSET


class Tagged(str):
    """A string as Ansible's templates return it."""


@pytest.mark.parametrize(
    ("document", "messages"),
    [
        ({"owner": "a", "doors": [{"key": "b"}, {"code": 1234}], "rooms": {"hall": 1, "attic": 0.5}}, []),
        ({Tagged("owner"): Tagged("a"), "rooms": {Tagged("hall"): 1}}, []),
        ([], ["lab: expected a mapping, found an empty list."]),
        (None, ["lab: expected a mapping, found nothing."]),
        ({}, ["lab: owner must be set."]),
        (
            {"owner": 1, "colur": "red", "colour": "green"},
            [
                "lab: unknown key colur. Did you mean colour? Valid: colour, doors, owner, pin, rooms.",
                "lab.owner: expected a string, found 1.",
                "lab.colour: expected one of red, blue, found 'green'.",
            ],
        ),
        (
            {"owner": "a", "doors": [{"key": "b"}, {}, "open", {"key": 1}]},
            [
                "lab.doors[1]: exactly one of key, code must be set.",
                "lab.doors[2]: expected a mapping, found a string.",
                "lab.doors[3].key: expected a string, found 1.",
            ],
        ),
        (
            {"owner": "a", "rooms": {"hall": "big"}},
            ["lab.rooms.hall: expected a whole number or a number, found 'big'."],
        ),
        ({"owner": "a", 1: "b"}, ["lab: unknown key 1. Valid: colour, doors, owner, pin, rooms."]),
        ({"owner": True}, ["lab.owner: expected a string, found true."]),
        ({"owner": ["x"] * 99}, ["lab.owner: expected a string, found a list."]),
        ({"owner": "a", "colour": "x" * 99}, ["lab.colour: expected one of red, blue, found a string."]),
    ],
)
def test_all_problems_have_a_key_path(document, messages):
    assert schema.problems(document, House, "lab") == messages


def test_secret_values_are_not_in_messages():
    found = schema.problems({"owner": "a", "doors": [{"code": 123}], "pin": 4711}, House)
    assert found == [
        "doors[0].code: expected at least 1000, found a whole number.",
        "pin: expected a string, found a whole number.",
    ]


def test_defaults_are_filled_in_and_unset_keys_stay_unset():
    complete = schema.complete({"owner": Tagged("a"), "doors": [{"key": "b"}]}, House)
    assert complete == {"owner": "a", "doors": [{"key": "b"}], "colour": "red", "rooms": {}}
    assert type(complete["owner"]) is str


def validator(name):
    document = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


@pytest.mark.parametrize(("path", "name"), DOCUMENTS.items())
def test_a_committed_file_is_valid_by_the_json_schema_that_it_names(path, name):
    file = settings.ROOT / path
    text = file.read_text(encoding="utf-8")
    reference = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / reference).resolve() == SCHEMAS / name
    assert [error.message for error in validator(name).iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"need": []},
        {"go": {}},
        {"replicas": 0},
        {"ports": [{"name": "http", "container": 8080}]},
        {"health": {"http": "/", "tcp": 1}},
        {"routes": [{"prefix": "/a", "auth": "maybe"}]},
    ],
)
def test_the_json_schema_rejects_what_cloudlab_rejects(changes):
    service = {"summary": "Orders", "go": {"main": "."}} | changes
    assert not validator("cloudlab.schema.json").is_valid({"services": {"order": service}})


@pytest.mark.parametrize("name", sorted(set(DOCUMENTS.values())))
def test_every_key_is_described(name):
    definitions = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))["$defs"]
    described = {f"{kind}.{key}" for kind, one in definitions.items() for key in one["properties"]}
    missing = {path for path in described if "description" not in _property(definitions, path)}
    assert described and missing == set()


def _property(definitions, path):
    kind, _, key = path.partition(".")
    return definitions[kind]["properties"][key]
