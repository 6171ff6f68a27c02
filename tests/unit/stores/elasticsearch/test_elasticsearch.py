"""Declared templates and indices against the server's: planned, shown and refused changes; the file realm's users."""

import base64
import hashlib
import json
import subprocess

import pytest

from cloudlab.stores.base import ObjectsError
from cloudlab.stores.elasticsearch import objects, oneshot, realm
from cloudlab.stores.elasticsearch.objects import State

PRODUCTS = {
    "name": "products",
    "index_patterns": ["products-*"],
    "priority": 100,
    "template": {
        "settings": {"number_of_shards": 2, "index": {"refresh_interval": "5s"}, "index.hidden": False},
        "mappings": {"dynamic": False, "properties": {"title": {"type": "text", "boost": 2}}},
    },
}
# The same, as the server returns it.
PRODUCTS_THERE = {
    "index_patterns": ["products-*"],
    "priority": 100,
    "composed_of": [],
    "template": {
        "settings": {"index.number_of_shards": "2", "index.refresh_interval": "5s", "index.hidden": "false"},
        "mappings": {"dynamic": "false", "properties": {"title": {"type": "text", "boost": 2}}},
        "aliases": {},
    },
}
SHOP = {
    "name": "shop",
    "settings": {"number_of_shards": 1, "refresh_interval": "1s"},
    "mappings": {"properties": {"title": {"type": "text"}, "maker": {"properties": {"name": {"type": "keyword"}}}}},
}


def declare(templates, indices):
    return objects.declare({"index_templates": templates, "indices": indices})


def there(*, templates=None, indices=None):
    """The server's state, in the form of its answers."""
    declared = declare(
        [{"name": name, **entry} for name, entry in (templates or {}).items()],
        [{"name": name, **entry} for name, entry in (indices or {}).items()],
    )
    return State(declared.templates, declared.indices)


def plan(*, templates=(), indices=(), existing=None):
    return objects.plan(declare(templates, indices), existing or there())


def shop_there(**parts):
    """The index as the server has it, with an undeclared field and settings."""
    entry = {key: value for key, value in SHOP.items() if key != "name"} | parts
    properties = entry["mappings"]["properties"] | {"seen": {"type": "date"}}
    entry = entry | {"mappings": {"properties": properties}, "settings": {"index.uuid": "u", **entry["settings"]}}
    return there(indices={"shop": entry})


def test_the_servers_spelling_is_no_difference():
    assert not plan(templates=[PRODUCTS], existing=there(templates={"products": PRODUCTS_THERE}))


def test_a_missing_template_is_put_as_declared():
    steps = plan(templates=[PRODUCTS])
    [step] = steps.steps
    assert step.path == "/_index_template/products"
    assert step.body["template"]["mappings"] == PRODUCTS["template"]["mappings"]
    assert objects.difference(steps) == ({}, {"index template products": step.body})


@pytest.mark.parametrize(
    "change",
    [
        {"priority": 1},
        {"index_patterns": ["products-*", "goods-*"]},
        {"template": {**PRODUCTS_THERE["template"], "aliases": {"extra": {}}}},
        {"template": {"settings": {}}},
        {"version": 3},
    ],
)
def test_a_template_that_differs_is_put_again(change):
    steps = plan(templates=[PRODUCTS], existing=there(templates={"products": PRODUCTS_THERE | change}))
    assert [step.what for step in steps.steps] == ["index template products"]
    before, after = objects.difference(steps)
    assert before != after


def test_templates_and_indices_nobody_declares_are_left_alone():
    assert not plan(existing=there(templates={"products": PRODUCTS_THERE}, indices={"shop": {}}))


def test_a_missing_index_is_made():
    [step] = plan(indices=[SHOP]).steps
    assert (step.path, step.before) == ("/shop", None)
    assert step.body["settings"] == {"index.number_of_shards": "1", "index.refresh_interval": "1s"}


def test_what_an_index_has_besides_is_no_difference():
    steps = plan(indices=[SHOP], existing=shop_there())
    assert not steps
    assert steps.warnings == ()


def test_an_index_gets_the_fields_settings_and_aliases_that_it_lacks():
    maker = {"properties": {"name": {"type": "keyword"}, "city": {"type": "keyword"}}}
    more = SHOP | {
        "settings": {"refresh_interval": "9s"},
        "mappings": {"properties": {"maker": maker, "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}},
        "aliases": {"all": {}},
    }
    bodies = {step.path: step.body for step in plan(indices=[more], existing=shop_there()).steps}
    assert bodies == {
        "/shop/_mapping": {
            "properties": {
                "maker": {"properties": {"city": {"type": "keyword"}}},
                # A part of a field is only accepted with the field's type.
                "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
            }
        },
        "/shop/_settings": {"index.refresh_interval": "9s"},
        "/shop/_alias/all": {},
    }


def test_what_cannot_be_altered_in_place_is_a_warning_and_no_step():
    other = {
        "name": "shop",
        "settings": {"number_of_shards": 3, "analysis": {"analyzer": {"mine": {"type": "standard"}}}},
        "mappings": {"properties": {"title": {"type": "keyword"}}},
    }
    steps = plan(indices=[other], existing=shop_there())
    assert not steps
    said = "\n".join(steps.warnings)
    assert "index shop: mapping properties.title.type is text, declared keyword" in said
    assert "index.number_of_shards is 1, declared 3" in said
    assert "index.analysis.analyzer.mine.type is None, declared standard" in said


def test_wrong_declarations_are_reported_all_at_once():
    with pytest.raises(ObjectsError) as caught:
        declare(
            [{"index_patterns": ["a"]}, {"name": "b"}, {"name": "c", "index_patterns": ["c"], "patern": 1}],
            [{"name": "shop"}, {"name": "shop"}],
        )
    assert caught.value.problems == [
        "index template number 1 has no name",
        "index template c: unknown patern. Valid: _meta, composed_of, data_stream, index_patterns, name, priority,"
        " template, version.",
        "index shop is declared twice",
        "index template b: index_patterns must name at least one pattern",
    ]


def test_a_password_is_hashed_as_the_server_checks_it():
    prefix, salt, key = realm.password_hash("pässword: $1", "here").split("$")
    assert prefix == "{PBKDF2}10000"
    expected = hashlib.pbkdf2_hmac("sha512", "pässword: $1".encode(), base64.b64decode(salt), 10_000, 32)
    assert base64.b64decode(key) == expected


def test_hashes_are_stable_and_apart():
    same = [realm.password_hash("a", "here") for _ in range(2)]
    others = [realm.password_hash(*pair) for pair in (("b", "here"), ("a", "there"))]
    assert same[0] == same[1]
    assert len({same[0], *others}) == 3


def test_the_files_of_the_realm():
    users = [
        {"name": "elastic", "password": "a", "roles": ["superuser"]},
        {"name": "kibana", "password": "a", "roles": ["kibana_system", "superuser"]},
    ]
    lines = realm.users_file(users, "here").splitlines()
    assert [line.split(":")[0] for line in lines] == ["elastic", "kibana"]
    assert lines[0].split(":")[1] != lines[1].split(":")[1]
    assert realm.roles_file(users) == "kibana_system:kibana\nsuperuser:elastic,kibana\n"


def test_the_script_for_an_empty_server(tmp_path):
    """Templates are put always; an index only where the server does not say that it has one."""
    tool = tmp_path / "curl"
    tool.write_text(f"""#!/bin/sh
for last; do :; done
case "$*" in
  *"--head "*) test "$last" = http://e:9200/there ;;
  *) {{ echo "$last"; cat; }} >>{tmp_path}/made ;;
esac
""")
    tool.chmod(0o755)
    declared = declare([PRODUCTS], [SHOP, {"name": "there"}])
    script = "set -eu\n" + oneshot.script(declared, "http://e:9200")
    subprocess.run(["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    made = (tmp_path / "made").read_text()
    assert "http://e:9200/there\n" not in made
    template, _, index = made.partition("http://e:9200/shop\n")
    assert template.startswith("http://e:9200/_index_template/products\n")
    assert json.loads(template.partition("\n")[2]) == declared.templates["products"]
    assert json.loads(index) == declared.indices["shop"]
