"""The gateway: its configuration is the declared one, and every route of the catalogue leads where it should.

A route is asked without a token and by a method that changes nothing, so that one that asks for a token has to refuse,
and one that takes other methods only has to say so; every other is answered by its service.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from cloudlab.gateway.model import METHODS, Route
from cloudlab.gateway.routing import SAFE_METHODS
from cloudlab.model.checks import NOTE, OWN_REQUESTS, Check, converge, verdict
from cloudlab.model.environment import PUBLISH_ADDRESS

AREA = "gateway"
COMPONENT = "gateway"
SECONDS = 10  # the first answer after a start may take some
# A call that no gRPC service has.
CALL = "CloudlabValidation"
GRPC = {"content-type": "application/grpc", "te": "trailers"}
GRPC_UNAUTHENTICATED, GRPC_UNAVAILABLE = "16", "14"
# Envoy adds it to the answers of others, and not to its own.
FROM_SERVICE = "x-envoy-upstream-service-time"
AWAY = (502, 503, 504)


@dataclass(frozen=True)
class Question:
    """How a route is asked. ``method``: empty for none that is safe; ``taken``: whether the route takes it."""

    route: Route
    method: str
    taken: bool


@dataclass(frozen=True)
class Reply:
    """What a route answered: HTTP status, gRPC status (empty for none), whether by the service, allowed methods.

    ``fault``: why there was no answer at all.
    """

    status: int = 0
    grpc: str = ""
    by_service: bool = False
    allow: str = ""
    fault: str = ""


def configuration(result: Mapping[str, Any]) -> Check:
    """Whether the gateway's files are what a converge would write: the result of `gateway_config` in check mode."""
    fault = f"altered: {', '.join(result['files'])}" if result["files"] else ""
    return verdict(AREA, "configuration", fault, converge(COMPONENT), "as declared")


def questions(routes: Sequence[Route]) -> list[Question]:
    """How each route is asked; on a common path, a route with methods comes before one that takes all others."""
    return [Question(route, *_method(route, routes)) for route in routes]


def _method(route: Route, routes: Sequence[Route]) -> tuple[str, bool]:
    if route.grpc:
        return "POST", True
    others = [other for other in routes if other.path == route.path and other != route]
    elsewhere = {method for other in others for method in other.methods}
    own = set(route.methods) or set(METHODS) - elsewhere
    known = set(METHODS) if not all(each.methods for each in (route, *others)) else own | elsewhere
    for methods, taken in ((own, True), (set(METHODS) - known, False)):
        for method in SAFE_METHODS:
            if method in methods:
                return method, taken
    return "", False


def ask(port: int, question: Question) -> Reply:
    """Send a route's request to the gateway that is published on `port`."""
    route = question.route
    url = f"http://{PUBLISH_ADDRESS}:{port}{route.path}{CALL if route.grpc else ''}"
    headers = (GRPC if route.grpc else {}) | {"x-request-id": f"{OWN_REQUESTS}{uuid.uuid4()}"}
    try:
        answer = requests.request(question.method, url, headers=headers, timeout=SECONDS, allow_redirects=False)
    except requests.Timeout:
        return Reply(fault=f"no answer within {SECONDS} s")
    except requests.RequestException:
        return Reply(fault="the gateway takes no connection")
    found = answer.headers
    return Reply(answer.status_code, found.get("grpc-status", ""), FROM_SERVICE in found, found.get("allow", ""))


def unasked(question: Question) -> Check:
    """The note on a route that cannot be asked."""
    return Check(AREA, f"route {question.route.name}", NOTE, "not asked: whatever it takes may change something")


def judge(question: Question, reply: Reply, alive: bool) -> Check:
    """The check of a route. ``alive``: whether its service can answer."""
    route = question.route
    fault = reply.fault or (_grpc_fault(route, reply) if route.grpc else _http_fault(question, reply))
    fault = fault or ("" if alive else f"{route.service} cannot answer")
    return verdict(AREA, f"route {route.name}", fault, converge(f"{COMPONENT},{route.service}"), _text(route, reply))


def _http_fault(question: Question, reply: Reply) -> str:
    route = question.route
    if not question.taken:
        right = reply.status == 405 and set(route.methods) <= set(reply.allow.split(", "))
        return "" if right else f"HTTP {reply.status} to a {question.method}, which it does not take"
    if reply.status in AWAY and not reply.by_service:
        return f"HTTP {reply.status}: the gateway does not reach {route.service}"
    if route.auth == "required":
        return "" if reply.status == 401 and not reply.by_service else f"HTTP {reply.status} without a token"
    return "" if reply.by_service or reply.status == 429 else f"HTTP {reply.status}, and not from {route.service}"


def _grpc_fault(route: Route, reply: Reply) -> str:
    if reply.grpc == GRPC_UNAVAILABLE:
        return f"gRPC status {reply.grpc}: the gateway does not reach {route.service}"
    if route.auth == "required" and reply.grpc != GRPC_UNAUTHENTICATED:
        return f"gRPC status {reply.grpc or 'none'} without a token"
    return ""


def _text(route: Route, reply: Reply) -> str:
    status = f"gRPC status {reply.grpc}" if route.grpc else f"HTTP {reply.status}"
    return f"{status} from {route.service if reply.by_service else 'the gateway'}"
