"""What a route may declare, and the error messages."""

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


def test_a_route_requires_a_token_by_default_and_uses_the_default_limits():
    [route] = read({"prefix": "/orders"}).routes
    assert route == model.Route("order", "/orders", auth="required", timeout=15, retries=2)


def test_every_key_of_a_route():
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
        ("text", "routes[0]: expected a mapping"),
        ({}, "exactly one of prefix, grpc"),
        ({"prefix": "/a", "grpc": "a.B"}, "exactly one of prefix, grpc"),
        ({"prefix": "/a", "aut": "none"}, "unknown key aut. Did you mean auth?"),
        ({"prefix": "/a", "auth": "maybe"}, ".auth: expected one of required, optional, none, found 'maybe'."),
        ({"prefix": "a"}, "expected a path that begins with /"),
        ({"prefix": "/a//b"}, "expected a path"),
        ({"prefix": "/a?b=c"}, "expected a path"),
        ({"prefix": "/%2e"}, "expected a path"),
        ({"prefix": 7}, "expected a path"),
        ({"prefix": "/healthz"}, "/healthz is reserved for the gateway"),
        ({"prefix": "/a", "methods": []}, "expected a non-empty list of methods (without it, all"),
        ({"prefix": "/a", "methods": ["get"]}, ".methods[0]: expected one of GET, HEAD,"),
        ({"prefix": "/a", "timeout": "soon"}, ".timeout: expected a duration such as 500ms"),
        ({"prefix": "/a", "timeout": -1}, "or a number of seconds, found -1"),
        ({"prefix": "/a", "retries": 6}, "from 0 to 5"),
        ({"prefix": "/a", "retries": True}, "from 0 to 5"),
        ({"prefix": "/a", "rate_limit": 5}, ".rate_limit: expected a mapping, found"),
        (
            {"prefix": "/a", "rate_limit": {"requests": 0, "per": "1m"}},
            ".rate_limit.requests: expected a whole number from 1",
        ),
        (
            {"prefix": "/a", "rate_limit": {"requests": 1, "per": "10ms"}},
            ".rate_limit.per: expected at least 1s, found '10ms'.",
        ),
        ({"grpc": "not a name"}, "expected the full name of a gRPC service"),
        ({"grpc": "a.B", "retries": 1}, "retries applies to a route with a prefix only"),
    ],
)
def test_a_problem_has_its_key_path(route, words):
    [problem] = problems(route)
    assert problem.startswith("services.order.routes[0]")
    assert words in problem


def test_all_problems_are_reported_together():
    assert len(problems({"prefix": "a"}, {"prefix": "/b", "auth": ""}, {"grpc": "?"})) == 3


def test_a_route_needs_a_port():
    assert "no port for HTTP" in problems({"prefix": "/a"}, http=None)[0]
    assert "no port for gRPC" in problems({"grpc": "a.B"}, grpc=None)[0]


def test_two_routes_cannot_match_the_same_requests():
    assert "match the same requests" in problems({"prefix": "/a"}, {"prefix": "/a", "auth": "none"})[0]
    assert "match" in problems({"prefix": "/a", "methods": ["GET"]}, {"prefix": "/a", "methods": ["GET", "PUT"]})[0]
    assert len(read({"prefix": "/a", "methods": ["GET"]}, {"prefix": "/a", "methods": ["PUT"]}).routes) == 2


def test_tokens_need_a_service_that_publishes_the_signing_keys():
    unset = dataclasses.replace(SETTINGS, jwt=dataclasses.replace(JWT, service=""))
    assert "GATEWAY_JWT_SERVICE" in problems({"prefix": "/a"}, {"prefix": "/b"}, settings=unset)[0]
    assert read({"prefix": "/a", "auth": "none"}, settings=unset).routes
    other = dataclasses.replace(SETTINGS, jwt=dataclasses.replace(JWT, service="oauth"))
    assert (
        "GATEWAY_JWT_SERVICE: unknown service oauth. Did you mean auth?"
        in problems({"prefix": "/a"}, settings=other)[0]
    )


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
