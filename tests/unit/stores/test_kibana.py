"""Declared data views against Kibana's: what is put, shown and refused."""

import http.server
import json
import threading

import pytest

from cloudlab.stores import kibana
from cloudlab.stores.readiness import NotYetError

ORDERS = {"title": "orders-*", "id": "orders", "name": "Orders", "time_field": "placed_at"}
ORDERS_THERE = {"title": "orders-*", "name": "Orders", "timeFieldName": "placed_at"}


def test_title_stands_for_what_is_not_said():
    assert kibana.declare([{"title": "products"}]) == {"products": {"title": "products", "name": "products"}}


def test_declared_twice():
    with pytest.raises(kibana.DataViewsError, match="data view orders is declared twice"):
        kibana.declare([ORDERS, ORDERS | {"title": "other"}])


@pytest.mark.parametrize("there", [{}, ORDERS_THERE | {"name": "Old"}, {"title": "orders-*", "name": "Orders"}])
def test_what_is_missing_or_differs_is_put(there):
    existing = {"orders": there} if there else {}
    steps = kibana.plan(kibana.declare([ORDERS]), existing)
    assert steps == {"orders": ORDERS_THERE}
    assert kibana.difference(steps, existing) == (existing, {"orders": ORDERS_THERE})


def test_what_is_as_declared_or_not_declared_is_left_alone():
    assert kibana.plan(kibana.declare([ORDERS]), {"orders": ORDERS_THERE, "mine": {"title": "x"}}) == {}


class Kibana(http.server.BaseHTTPRequestHandler):
    """A server that keeps data views as Kibana's API does."""

    level, views = "available", {}

    def do_GET(self):
        key = self.path.removeprefix("/api/data_views/data_view/")
        if self.path == "/api/status":
            self.answer(200, {"status": {"overall": {"level": self.level}}})
        elif key in self.views:
            self.answer(200, {"data_view": {"version": "x", "namespaces": ["default"], **self.views[key]}})
        else:
            self.answer(404, {"statusCode": 404, "error": "Not Found", "message": f"[{key}] not found"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "kbn-xsrf" not in self.headers:
            self.answer(400, {"statusCode": 400, "error": "Bad Request", "message": "Request must contain a kbn-xsrf"})
        elif body["data_view"]["id"] in self.views and not body["override"]:
            self.answer(400, {"statusCode": 400, "error": "Bad Request", "message": "Duplicate data view"})
        elif body["data_view"]["title"] == "refused":
            self.answer(403, {"statusCode": 403, "error": "Forbidden", "message": "Not for you"})
        else:
            self.views[body["data_view"]["id"]] = body["data_view"]
            self.answer(200, {"data_view": body["data_view"]})

    def answer(self, status, document):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """(the client of a running server, the server's own class)."""
    handler = type("Handler", (Kibana,), {"views": {}})
    listening = http.server.HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield kibana.Server(f"http://127.0.0.1:{listening.server_port}"), handler
    listening.shutdown()
    listening.server_close()


def test_what_was_put_is_what_is_found(server):
    client, _ = server
    declared = kibana.declare([ORDERS, {"title": "products"}])
    assert client.state(declared) == {}
    client.apply(declared)
    assert client.state(declared) == declared
    client.apply(declared)


def test_it_is_ready_when_kibana_has_all_it_needs(server):
    client, handler = server
    client.ready()
    handler.level = "degraded"
    with pytest.raises(NotYetError, match="it is degraded"):
        client.ready()


def test_a_refusal_is_told_in_kibanas_words(server):
    client, _ = server
    with pytest.raises(kibana.DataViewsError, match=r"data view a: POST .*: HTTP 403: Not for you"):
        client.apply(kibana.declare([{"title": "refused", "id": "a"}]))
