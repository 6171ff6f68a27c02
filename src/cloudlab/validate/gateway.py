"""The gateway: its configuration is as declared, and each route of the catalogue reaches its service.

A route is requested without a token and with a method that changes nothing. The gateway must reject it if the route
requires a token or does not accept the method; otherwise the service must respond.
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
SECONDS = 10  # the first response after a start is slow
# A method that no gRPC service has.
CALL = "CloudlabValidation"
GRPC = {"content-type": "application/grpc", "te": "trailers"}
GRPC_UNAUTHENTICATED, GRPC_UNAVAILABLE = "16", "14"
# Envoy adds it to the responses of services only.
FROM_SERVICE = "x-envoy-upstream-service-time"
AWAY = (502, 503, 504)


@dataclass(frozen=True)
class Question:
    """How to request a route. ``method``: empty if none is safe; ``taken``: whether the route accepts it."""

    route: Route
    method: str
    taken: bool


@dataclass(frozen=True)
class Reply:
    """The response to a request: HTTP status, gRPC status (empty if none), whether from the service, allowed methods.

    ``fault``: why there was no response.
    """

    status: int = 0
    grpc: str = ""
    by_service: bool = False
    allow: str = ""
    fault: str = ""


def configuration(result: Mapping[str, Any]) -> Check:
    """Whether the gateway's files are as declared, from the result of `gateway_config` in check mode."""
    fault = f"altered: {', '.join(result['files'])}" if result["files"] else ""
    return verdict(AREA, "configuration", fault, converge(COMPONENT), "as declared")


def questions(routes: Sequence[Route]) -> list[Question]:
    """How to request each route. On the same path, a route with methods precedes one for all other methods."""
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
    """Send the request for a route to the gateway on `port`."""
    route = question.route
    url = f"http://{PUBLISH_ADDRESS}:{port}{route.path}{CALL if route.grpc else ''}"
    headers = (GRPC if route.grpc else {}) | {"x-request-id": f"{OWN_REQUESTS}{uuid.uuid4()}"}
    try:
        answer = requests.request(question.method, url, headers=headers, timeout=SECONDS, allow_redirects=False)
    except requests.Timeout:
        return Reply(fault=f"no response within {SECONDS} s")
    except requests.RequestException:
        return Reply(fault="the gateway refuses the connection")
    found = answer.headers
    return Reply(answer.status_code, found.get("grpc-status", ""), FROM_SERVICE in found, found.get("allow", ""))


def unasked(question: Question) -> Check:
    """The note for a route that cannot be requested."""
    return Check(AREA, f"route {question.route.name}", NOTE, "not requested: its methods may change data")


def judge(question: Question, reply: Reply, alive: bool) -> Check:
    """The check of a route. ``alive``: whether its service is healthy."""
    route = question.route
    fault = reply.fault or (_grpc_fault(route, reply) if route.grpc else _http_fault(question, reply))
    fault = fault or ("" if alive else f"{route.service} is not healthy")
    return verdict(AREA, f"route {route.name}", fault, converge(f"{COMPONENT},{route.service}"), _text(route, reply))


def _http_fault(question: Question, reply: Reply) -> str:
    route = question.route
    if not question.taken:
        right = reply.status == 405 and set(route.methods) <= set(reply.allow.split(", "))
        return "" if right else f"HTTP {reply.status} to {question.method}, which the route does not accept"
    if reply.status in AWAY and not reply.by_service:
        return f"HTTP {reply.status}: the gateway does not reach {route.service}"
    if route.auth == "required":
        return "" if reply.status == 401 and not reply.by_service else f"HTTP {reply.status} without a token"
    return "" if reply.by_service or reply.status == 429 else f"HTTP {reply.status}, not from {route.service}"


def _grpc_fault(route: Route, reply: Reply) -> str:
    if reply.grpc == GRPC_UNAVAILABLE:
        return f"gRPC status {reply.grpc}: the gateway does not reach {route.service}"
    if route.auth == "required" and reply.grpc != GRPC_UNAUTHENTICATED:
        return f"gRPC status {reply.grpc or 'none'} without a token"
    return ""


def _text(route: Route, reply: Reply) -> str:
    status = f"gRPC status {reply.grpc}" if route.grpc else f"HTTP {reply.status}"
    return f"{status} from {route.service if reply.by_service else 'the gateway'}"
