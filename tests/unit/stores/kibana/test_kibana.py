"""Declared data views against Kibana's: planned, shown and refused changes."""

import subprocess

import kibanas
import pytest

from cloudlab.stores.base import ObjectsError
from cloudlab.stores.kibana import objects, oneshot
from cloudlab.stores.kibana.server import Server
from cloudlab.stores.readiness import NotYetError

ORDERS = {"title": "orders-*", "id": "orders", "name": "Orders", "time_field": "placed_at"}
ORDERS_THERE = {"title": "orders-*", "name": "Orders", "timeFieldName": "placed_at"}


def declare(views):
    return objects.declare({"data_views": views})


def test_title_stands_for_what_is_not_said():
    assert declare([{"title": "products"}]) == {"products": {"title": "products", "name": "products"}}


def test_declared_twice():
    with pytest.raises(ObjectsError, match="data view orders is declared twice"):
        declare([ORDERS, ORDERS | {"title": "other"}])


@pytest.mark.parametrize("there", [{}, ORDERS_THERE | {"name": "Old"}, {"title": "orders-*", "name": "Orders"}])
def test_what_is_missing_or_differs_is_put(there):
    existing = {"orders": there} if there else {}
    steps = objects.plan(declare([ORDERS]), existing)
    assert steps == {"orders": ORDERS_THERE}
    assert objects.difference(steps, existing) == (existing, {"orders": ORDERS_THERE})


def test_what_is_as_declared_or_not_declared_is_left_alone():
    assert objects.plan(declare([ORDERS]), {"orders": ORDERS_THERE, "mine": {"title": "x"}}) == {}


def test_a_script_puts_them_as_the_server_is_put_them():
    with kibanas.Kibana() as running:
        script = oneshot.script(declare([ORDERS, {"title": "it's"}]), running.url)
        subprocess.run(["sh", "-euc", script], check=True)
        assert Server(running.url).state({"orders": {}, "it's": {}}) == {
            "orders": ORDERS_THERE,
            "it's": {"title": "it's", "name": "it's"},
        }


@pytest.fixture
def server():
    """(the client of a running server, the server)."""
    with kibanas.Kibana() as running:
        yield Server(running.url), running


def test_what_was_put_is_what_is_found(server):
    client, _ = server
    declared = declare([ORDERS, {"title": "products"}])
    assert client.state(declared) == {}
    client.apply(declared)
    assert client.state(declared) == declared
    client.apply(declared)


def test_it_is_ready_when_kibana_has_all_it_needs(server):
    client, running = server
    client.ready()
    running.level = "degraded"
    with pytest.raises(NotYetError, match="it is degraded"):
        client.ready()


def test_a_refusal_is_told_in_kibanas_words(server):
    client, _ = server
    with pytest.raises(ObjectsError, match=r"data view a: POST .*: HTTP 400: title must not be empty"):
        client.apply(declare([{"title": " ", "id": "a"}]))
