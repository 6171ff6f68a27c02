"""What a route's answer says of the gateway and of the service behind it."""

import pytest

from cloudlab.checks import FAILED, OK, gateway
from cloudlab.checks.gateway import Reply
from cloudlab.gateway.model import Route

OPEN = Route("shop", "/goods", auth="none")
OPTIONAL = Route("shop", "/goods", auth="optional", methods=("GET", "HEAD"))
CLOSED = Route("shop", "/orders")
LOGIN = Route("shop", "/login", auth="none", methods=("POST",))
CALLS = Route("shop", "/shop.v1.Shop/", grpc=True)


@pytest.mark.parametrize(
    ("route", "reply"),
    [
        (OPEN, Reply(200, by_service=True)),
        (OPEN, Reply(404, by_service=True)),
        (OPTIONAL, Reply(401, by_service=True)),
        (OPTIONAL, Reply(429)),
        (CLOSED, Reply(401)),
        (LOGIN, Reply(405, allow="POST, OPTIONS")),
        (CALLS, Reply(200, grpc="16")),
        (Route("shop", "/shop.v1.Shop/", grpc=True, auth="none"), Reply(200, grpc="12", by_service=True)),
    ],
)
def test_answers_as_they_should_be(route, reply):
    assert gateway.judge(route, reply, alive=True).state == OK


@pytest.mark.parametrize(
    ("route", "reply", "told"),
    [
        (OPEN, Reply(503), "HTTP 503: the gateway does not reach shop"),
        (OPEN, Reply(404), "HTTP 404, and not from shop"),
        (OPEN, Reply(401), "HTTP 401, and not from shop"),
        (OPEN, Reply(fault="no answer within 5 s"), "no answer within 5 s"),
        (CLOSED, Reply(200, by_service=True), "HTTP 200 without a token"),
        (CLOSED, Reply(401, by_service=True), "HTTP 401 without a token"),
        (CLOSED, Reply(404), "HTTP 404 without a token"),
        (LOGIN, Reply(404), "HTTP 404 to a GET, which it does not take"),
        (LOGIN, Reply(405, allow="PUT"), "HTTP 405 to a GET, which it does not take"),
        (CALLS, Reply(200, grpc="14"), "gRPC status 14: the gateway does not reach shop"),
        (CALLS, Reply(200, grpc="12"), "gRPC status 12 without a token"),
        (CALLS, Reply(404), "gRPC status none without a token"),
    ],
)
def test_answers_that_are_wrong(route, reply, told):
    check = gateway.judge(route, reply, alive=True)
    assert (check.state, check.text) == (FAILED, told)
    assert check.cure.endswith("--tags gateway,shop")


def test_a_route_that_refuses_all_the_same_has_nobody_behind_it():
    check = gateway.judge(CLOSED, Reply(401), alive=False)
    assert (check.state, check.text) == (FAILED, "shop cannot answer")


def test_the_configuration():
    assert gateway.configuration({"files": []}).state == OK
    altered = gateway.configuration({"files": ["rds.json"]})
    assert (altered.state, altered.text) == (FAILED, "altered: rds.json")
