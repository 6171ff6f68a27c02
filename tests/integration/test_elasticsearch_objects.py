"""Elasticsearch as its role runs it: index templates and indices, fuzzy search, and security on data that is there."""

import json
import os

import lab as labs
import pytest
import requests
import stores
from probes import PROBES

INSTANCE = "test-elasticsearch-objects"
OFFSET = 20780
SECONDS = 30
RESET = ("-e", "level=everything", "-e", "confirm=yes")
ODD_PASSWORD = "a$HOME' \"%s#`\\ü: z"

NODE = {
    "name": "single-node",
    "index_patterns": ["*"],
    "priority": 0,
    "template": {"settings": {"number_of_replicas": 0}},
}
PRODUCTS = {
    "name": "products",
    "index_patterns": ["products-*"],
    "priority": 100,
    "template": {
        "settings": {"number_of_shards": 2, "number_of_replicas": 0, "index": {"refresh_interval": "5s"}},
        "mappings": {"dynamic": False, "properties": {"title": {"type": "text"}}},
        "aliases": {"products": {}},
    },
}
CATALOGUE = {
    "name": "catalogue",
    "settings": {"number_of_shards": 1, "number_of_replicas": 0},
    "mappings": {"properties": {"title": {"type": "text"}}},
}
TEMPLATES = (NODE, PRODUCTS)

pytestmark = pytest.mark.skipif(not stores.has_engine(), reason="no engine")


@pytest.fixture(scope="module")
def lab():
    """The instance with Elasticsearch, and the declared templates put by the playbook; a document is in it."""
    settings = {"CLOUDLAB_ENV_FILE": "", "CLOUDLAB_INSTANCE": INSTANCE, "PORT_OFFSET": str(OFFSET)}
    found = labs.Lab(dict(os.environ) | settings)
    found.remove_everything()
    try:
        playbook(found)
        PROBES["elasticsearch"].write(found)
        yield found
    finally:
        found.playbook("reset", *RESET)


def playbook(lab, **settings):
    settings = {"elasticsearch_index_templates": TEMPLATES} | settings
    return lab.playbook("dev", "--tags", "elasticsearch", "-e", json.dumps(settings))


def converge(lab, *templates, check=False, **arguments):
    arguments = {
        "url": url(lab),
        "container": lab.container("elasticsearch"),
        "index_templates": list(templates or TEMPLATES),
    } | arguments
    return stores.run_action("elasticsearch_objects", arguments, check=check)


def url(lab):
    return f"http://127.0.0.1:{lab.port('elasticsearch', 'http')}"


def ask(lab, path, *, method="GET", user="", password="", body=None):
    """(HTTP status, answer)."""
    login = (user.encode(), password.encode()) if user else None
    answer = requests.request(method, url(lab) + path, auth=login, json=body, timeout=SECONDS)
    return answer.status_code, answer.json()


def template(lab, name):
    """The template as the server has it; None when it has none."""
    status, answer = ask(lab, f"/_index_template/{name}")
    return answer["index_templates"][0]["index_template"] if status == 200 else None


def index(lab, name):
    return ask(lab, f"/{name}")[1][name]


def titles(lab, **login):
    body = {"query": {"match": {"title": {"query": "mecanical keybord", "fuzziness": "AUTO", "operator": "and"}}}}
    status, answer = ask(lab, "/probe/_search", method="POST", body=body, **login)
    return [hit["_source"]["title"] for hit in answer["hits"]["hits"]] if status == 200 else status


def test_templates_are_put_and_the_second_run_changes_nothing(lab):
    assert template(lab, "products")["template"]["settings"]["index"]["number_of_shards"] == "2"
    assert playbook(lab).changed == 0
    again = converge(lab)
    assert (again["changed"], again["applied"]) == (False, [])


def test_a_misspelt_search_finds_the_document(lab):
    assert titles(lab) == ["Mechanical keyboard"]


def test_a_new_index_has_what_its_template_says_and_is_green(lab):
    assert ask(lab, "/products-1", method="PUT")[0] == 200
    made = index(lab, "products-1")
    assert made["settings"]["index"]["number_of_shards"] == "2"
    assert list(made["aliases"]) == ["products"]
    health = ask(lab, f"/_cluster/health?wait_for_status=green&timeout={SECONDS}s")[1]
    assert (health["status"], health["unassigned_shards"]) == ("green", 0)


def test_check_mode_says_what_would_be_and_changes_nothing(lab):
    before = template(lab, "products")
    would = converge(lab, NODE, PRODUCTS | {"priority": 200}, PRODUCTS | {"name": "new"}, check=True)
    assert would["applied"] == ["index template products", "index template new"]
    assert "priority: 200" in would["diff"]["after"]
    assert template(lab, "products") == before
    assert template(lab, "new") is None


def test_a_template_is_altered_as_declared(lab):
    altered = {
        **PRODUCTS,
        "template": {"settings": {"number_of_shards": 1}, "mappings": {"properties": {"title": {"type": "keyword"}}}},
    }
    done = converge(lab, NODE, altered)
    assert done["applied"] == ["index template products"]
    assert not converge(lab, NODE, altered)["changed"]
    now = template(lab, "products")["template"]
    assert now["settings"] == {"index": {"number_of_shards": "1"}}  # what is no longer declared is gone
    assert now["mappings"]["properties"]["title"]["type"] == "keyword"
    assert index(lab, "products-1")["settings"]["index"]["number_of_shards"] == "2"  # an index is not its template
    assert converge(lab)["applied"] == ["index template products"]


def test_a_template_that_nobody_declares_is_kept(lab):
    assert converge(lab, NODE)["applied"] == []
    assert template(lab, "products")


def test_an_index_gets_what_it_lacks(lab):
    assert converge(lab, indices=[CATALOGUE])["applied"] == ["index catalogue"]
    assert not converge(lab, indices=[CATALOGUE])["changed"]
    ask(lab, "/catalogue/_doc/1?refresh=true", method="PUT", body={"title": "kept", "price": 3})
    more = {
        "name": "catalogue",
        "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "9s"},
        "mappings": {"properties": {"title": {"type": "text"}, "sku": {"type": "keyword"}}},
        "aliases": {"shop": {}},
    }
    done = converge(lab, indices=[more])
    assert done["applied"] == ["index catalogue, mappings", "index catalogue, settings", "index catalogue, alias shop"]
    assert not converge(lab, indices=[more])["changed"]
    assert index(lab, "catalogue")["mappings"]["properties"]["sku"] == {"type": "keyword"}
    assert ask(lab, "/shop/_doc/1")[1]["_source"] == {"title": "kept", "price": 3}


def test_what_cannot_be_altered_is_a_warning_and_nothing_is_lost(lab):
    other = {
        "name": "catalogue",
        "settings": {"number_of_shards": 3},
        "mappings": {"properties": {"title": {"type": "keyword"}}},
    }
    report = converge(lab, indices=[other])
    assert not report["changed"]
    warnings = " ".join(report["warnings"])
    assert "index catalogue: mapping properties.title.type is text, declared keyword" in warnings
    assert "index.number_of_shards is 1, declared 3" in warnings
    assert ask(lab, "/catalogue/_doc/1")[1]["_source"]["title"] == "kept"


def test_a_wrong_declaration_is_refused_with_the_servers_reason(lab):
    wrong = converge(lab, {"name": "a"}, {"name": "b", "index_patterns": ["b"], "colour": "red"})
    assert "index template a: index_patterns must name at least one pattern" in wrong["msg"]
    assert "index template b: unknown colour" in wrong["msg"]
    body = {"mappings": {"properties": {"x": {"type": "colour"}}}}
    refused = converge(lab, {"name": "c", "index_patterns": ["c-*"], "priority": 7, "template": body})
    assert refused["msg"].startswith("index template c: PUT /_index_template/c: HTTP 400")
    assert "colour" in refused["msg"]
    assert template(lab, "c") is None


def test_security_is_switched_on_and_its_password_changed_on_data_that_is_there(lab):
    """Two converges; after each, the declared password and no other one reads what was written without any."""
    on = {"elasticsearch_security_enabled": True, "elasticsearch_password": ODD_PASSWORD}
    reader = {"name": "reader", "password": "r", "roles": ["viewer"]}
    playbook(lab, **on, elasticsearch_users=[reader])
    wait_for_index(lab, ODD_PASSWORD)
    assert titles(lab) == 401
    assert titles(lab, user="elastic", password="development") == 401
    assert titles(lab, user="elastic", password=ODD_PASSWORD) == ["Mechanical keyboard"]
    assert titles(lab, user="reader", password="r") == ["Mechanical keyboard"]
    assert ask(lab, "/probe", method="DELETE", user="reader", password="r")[0] == 403
    assert ODD_PASSWORD not in str(lab.inspect("elasticsearch"))

    assert "the user or password is refused (HTTP 401)" in converge(lab, user="elastic", password="wrong")["msg"]
    assert not converge(lab, user="elastic", password=ODD_PASSWORD)["changed"]

    playbook(lab, **on | {"elasticsearch_password": "another"})
    wait_for_index(lab, "another")
    assert titles(lab, user="elastic", password=ODD_PASSWORD) == 401
    assert titles(lab, user="elastic", password="another") == ["Mechanical keyboard"]
    assert titles(lab, user="reader", password="r") == 401
    assert lab.is_healthy("elasticsearch")  # its health check logs in, too


def wait_for_index(lab, password):
    """After a start the node is up before its indices are."""
    path = f"/_cluster/health/probe?wait_for_status=yellow&timeout={SECONDS}s"
    assert ask(lab, path, user="elastic", password=password)[1]["status"] in ("yellow", "green")
