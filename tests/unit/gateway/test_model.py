"""What may stand in the catalogue's routes, and what every mistake is told."""

import dataclasses

import pytest
from gateway_samples import AUTH, JWT, SETTINGS

from cloudlab.gateway import model


def read(*routes, settings=SETTINGS, http=8080, grpc=9090):
    return model.read([AUTH, {"name": "order", "http": http, "grpc": grpc, "routes": list(routes)}], settings)


def problems(*routes, **arguments):
    with pytest.raises(model.GatewayError) as caught:
        read(*routes, **arguments)
    return caught.value.problems


def test_a_route_is_closed_unless_it_says_otherwise_and_takes_the_defaults():
    [route] = read({"prefix": "/orders"}).routes
    assert route == model.Route("order", "/orders", auth="required", timeout=15, retries=2)


def test_everything_that_a_route_can_say():
    [route] = read(
        {
            "prefix": "/orders",
            "auth": "optional",
            "methods": ["POST", "GET"],
            "timeout": "1m30s",
            "retries": 0,
            "rate_limit": {"requests": 100, "per": "1m"},
        }
    ).routes
    assert route.methods == ("GET", "HEAD", "POST")
    assert (route.auth, route.timeout, route.retries) == ("optional", 90, 0)
    assert route.rate_limit == model.RateLimit(100, 60)


def test_a_grpc_service_has_no_time_limit_of_its_own():
    [route] = read({"grpc": "shop.order.v1.OrderService"}).routes
    assert (route.path, route.grpc, route.timeout, route.retries) == ("/shop.order.v1.OrderService/", True, 0, 0)


def test_more_specific_routes_come_first():
    routes = read(
        {"prefix": "/"},
        {"prefix": "/a"},
        {"prefix": "/a/b"},
        {"prefix": "/a", "methods": ["GET"], "auth": "none"},
    ).routes
    assert [(route.path, route.methods) for route in routes] == [
        ("/a/b", ()),
        ("/a", ("GET", "HEAD")),
        ("/a", ()),
        ("/", ()),
    ]


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("text", "either a prefix or"),
        ({}, "either a prefix or"),
        ({"prefix": "/a", "grpc": "a.B"}, "either a prefix or"),
        ({"prefix": "/a", "aut": "none"}, "unknown key aut; did you mean 'auth'?"),
        ({"prefix": "/a", "auth": "maybe"}, "auth is 'maybe'; it must be one of required, optional, none"),
        ({"prefix": "a"}, "must be a path that begins with /"),
        ({"prefix": "/a//b"}, "must be a path"),
        ({"prefix": "/a?b=c"}, "must be a path"),
        ({"prefix": "/%2e"}, "must be a path"),
        ({"prefix": 7}, "must be a path"),
        ({"prefix": "/healthz"}, "/healthz is the gateway's own"),
        ({"prefix": "/a", "methods": []}, "leave it out to allow all"),
        ({"prefix": "/a", "methods": ["get"]}, "unknown method get; valid: GET"),
        ({"prefix": "/a", "timeout": "soon"}, "timeout: 'soon' is not a duration"),
        ({"prefix": "/a", "timeout": -1}, "must not be negative"),
        ({"prefix": "/a", "retries": 6}, "from 0 to 5"),
        ({"prefix": "/a", "retries": True}, "from 0 to 5"),
        ({"prefix": "/a", "rate_limit": 5}, "{requests: <number>, per: <duration>}"),
        ({"prefix": "/a", "rate_limit": {"requests": 0, "per": "1m"}}, "whole number above 0"),
        ({"prefix": "/a", "rate_limit": {"requests": 1, "per": "10ms"}}, "at least 1s"),
        ({"grpc": "not a name"}, "gRPC service's full name"),
        ({"grpc": "a.B", "retries": 1}, "unknown key retries"),
    ],
)
def test_a_mistake_is_named_with_service_and_route(route, words):
    [problem] = problems(route)
    assert problem.startswith("order, route ")
    assert words in problem


def test_all_mistakes_are_told_at_once():
    assert len(problems({"prefix": "a"}, {"prefix": "/b", "auth": ""}, {"grpc": "?"})) == 3


def test_a_port_must_be_there():
    assert "no port for HTTP" in problems({"prefix": "/a"}, http=None)[0]
    assert "no port for gRPC" in problems({"grpc": "a.B"}, grpc=None)[0]


def test_two_routes_cannot_take_the_same_requests():
    assert "both take the same requests" in problems({"prefix": "/a"}, {"prefix": "/a", "auth": "none"})[0]
    assert "both" in problems({"prefix": "/a", "methods": ["GET"]}, {"prefix": "/a", "methods": ["GET", "PUT"]})[0]
    assert len(read({"prefix": "/a", "methods": ["GET"]}, {"prefix": "/a", "methods": ["PUT"]}).routes) == 2


def test_tokens_need_somebody_who_publishes_the_keys():
    nobody = dataclasses.replace(SETTINGS, jwt=dataclasses.replace(JWT, service=""))
    assert "gateway_jwt_service" in problems({"prefix": "/a"}, {"prefix": "/b"}, settings=nobody)[0]
    assert read({"prefix": "/a", "auth": "none"}, settings=nobody).routes
    other = dataclasses.replace(SETTINGS, jwt=dataclasses.replace(JWT, service="oauth"))
    assert "no service oauth in the catalogue; did you mean 'auth'?" in problems({"prefix": "/a"}, settings=other)[0]


def test_a_collector_is_a_host_and_a_port():
    assert "host:port" in problems(settings=dataclasses.replace(SETTINGS, tracing="http://collector"))[0]


def test_services_come_from_the_catalogue():
    catalogue = {
        "postgres": {"kind": "store", "ports": [{"name": "sql", "container": 5432}]},
        "order": {
            "kind": "service",
            "ports": [{"name": "metrics", "container": 9100}, {"name": "http", "container": 8000}],
            "grpc": 9090,
            "routes": [{"prefix": "/orders"}],
        },
        "legacy": {"kind": "service", "ports": [{"name": "web", "container": 3000}]},
        "worker": {"kind": "service"},
    }
    assert model.from_catalogue(catalogue) == [
        {"name": "order", "http": 8000, "grpc": 9090, "routes": [{"prefix": "/orders"}]},
        {"name": "legacy", "http": 3000, "grpc": None, "routes": []},
        {"name": "worker", "http": None, "grpc": None, "routes": []},
    ]


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("1m30s", 90), ("0", 0), (0, 0)])
def test_durations(text, seconds):
    assert model.seconds(text) == seconds
