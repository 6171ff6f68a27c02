"""The checks of routes, from responses."""

import pytest

from cloudlab.gateway.model import Route
from cloudlab.model.checks import FAILED, NOTE, OK
from cloudlab.validate import gateway
from cloudlab.validate.gateway import Question, Reply

OPEN = Route("shop", "/goods", auth="none")
OPTIONAL = Route("shop", "/goods", auth="optional", methods=("GET", "HEAD"))
CLOSED = Route("shop", "/orders")
LOGIN = Route("shop", "/login", auth="none", methods=("POST",))
CALLS = Route("shop", "/shop.v1.Shop/", grpc=True)


def judge(route, reply, alive=True):
    [question] = gateway.questions([route])
    return gateway.judge(question, reply, alive)


def test_a_route_is_requested_with_a_safe_method():
    every = Route("shop", "/goods")
    post = Route("shop", "/goods", methods=("POST",))
    assert gateway.questions([OPTIONAL, every, LOGIN, CALLS]) == [
        Question(OPTIONAL, "GET", taken=True),
        # GET on this path belongs to the other route.
        Question(every, "OPTIONS", taken=True),
        Question(LOGIN, "GET", taken=False),
        Question(CALLS, "POST", taken=True),
    ]
    assert gateway.questions([OPTIONAL, post])[1] == Question(post, "OPTIONS", taken=False)
    assert gateway.questions([every, post])[1] == Question(post, "", taken=False)
    assert gateway.unasked(Question(post, "", taken=False)).state == NOTE


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
def test_expected_responses_pass(route, reply):
    assert judge(route, reply).state == OK


@pytest.mark.parametrize(
    ("route", "reply", "told"),
    [
        (OPEN, Reply(503), "HTTP 503: the gateway does not reach shop"),
        (OPEN, Reply(404), "HTTP 404, not from shop"),
        (OPEN, Reply(401), "HTTP 401, not from shop"),
        (OPEN, Reply(fault="no response within 5 s"), "no response within 5 s"),
        (CLOSED, Reply(200, by_service=True), "HTTP 200 without a token"),
        (CLOSED, Reply(401, by_service=True), "HTTP 401 without a token"),
        (CLOSED, Reply(404), "HTTP 404 without a token"),
        (LOGIN, Reply(404), "HTTP 404 to GET, which the route does not accept"),
        (LOGIN, Reply(405, allow="PUT"), "HTTP 405 to GET, which the route does not accept"),
        (CALLS, Reply(200, grpc="14"), "gRPC status 14: the gateway does not reach shop"),
        (CALLS, Reply(200, grpc="12"), "gRPC status 12 without a token"),
        (CALLS, Reply(404), "gRPC status none without a token"),
    ],
)
def test_unexpected_responses_fail(route, reply, told):
    check = judge(route, reply)
    assert (check.state, check.text) == (FAILED, told)
    assert check.cure.endswith("--tags gateway,shop")


def test_a_route_of_an_unhealthy_service_fails():
    check = judge(CLOSED, Reply(401), alive=False)
    assert (check.state, check.text) == (FAILED, "shop is not healthy")


def test_an_altered_configuration_fails():
    assert gateway.configuration({"files": []}).state == OK
    altered = gateway.configuration({"files": ["rds.json"]})
    assert (altered.state, altered.text) == (FAILED, "altered: rds.json")
