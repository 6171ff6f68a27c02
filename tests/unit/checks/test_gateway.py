"""What a route's answer says of the gateway and of the service behind it."""

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


def test_a_route_is_asked_by_a_method_that_changes_nothing():
    every = Route("shop", "/goods")
    post = Route("shop", "/goods", methods=("POST",))
    assert gateway.questions([OPTIONAL, every, LOGIN, CALLS]) == [
        Question(OPTIONAL, "GET", taken=True),
        # The other one takes what is read on this path.
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
def test_answers_as_they_should_be(route, reply):
    assert judge(route, reply).state == OK


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
    check = judge(route, reply)
    assert (check.state, check.text) == (FAILED, told)
    assert check.cure.endswith("--tags gateway,shop")


def test_a_route_that_refuses_all_the_same_has_nobody_behind_it():
    check = judge(CLOSED, Reply(401), alive=False)
    assert (check.state, check.text) == (FAILED, "shop cannot answer")


def test_the_configuration():
    assert gateway.configuration({"files": []}).state == OK
    altered = gateway.configuration({"files": ["rds.json"]})
    assert (altered.state, altered.text) == (FAILED, "altered: rds.json")
