"""What the gateway exposes: services, their routes, and the settings that hold for all. Read, checked, normalised.

Pure functions. Every mistake is found before anything is written, and named by service and route.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudlab.containers import values
from cloudlab.model.problems import ProblemsError

AUTH = ("required", "optional", "none")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HEALTH_PATH = "/healthz"  # the gateway answers for itself here
SECOND = 10**9  # nanoseconds

_HTTP_KEYS = ("prefix", "auth", "methods", "timeout", "retries", "rate_limit")
_GRPC_KEYS = ("grpc", "auth", "timeout", "rate_limit")
_PREFIX = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*")
_GRPC_SERVICE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


class GatewayError(ProblemsError):
    """The gateway's configuration cannot be made; `problems` holds one message each."""


@dataclass(frozen=True)
class RateLimit:
    """At most `requests` at once; a used one comes back after `seconds` / `requests`."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class Route:
    """One way into a service: the requests below a path, or the calls of a gRPC service.

    methods: those allowed; empty for all. timeout: seconds, 0 for none. retries: of safe methods only.
    """

    service: str
    path: str
    grpc: bool = False
    auth: str = "required"
    methods: tuple[str, ...] = ()
    timeout: float = 0
    retries: int = 0
    rate_limit: RateLimit | None = None

    @property
    def name(self) -> str:
        """Its name in the access log."""
        methods = ",".join(self.methods)
        return f"{self.service}:{f'{methods} ' if methods else ''}{self.path}"


@dataclass(frozen=True)
class Service:
    """A service that the gateway can reach: its DNS name, and its container ports for HTTP and gRPC, if any."""

    name: str
    http: int | None
    grpc: int | None
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True)
class Jwt:
    """Whose tokens count. service: who publishes the keys, empty when nobody does; claims: claim -> request header."""

    service: str
    path: str
    issuer: str
    audiences: tuple[str, ...]
    cache: float
    clock_skew: int
    claims: Mapping[str, str]


@dataclass(frozen=True)
class Cors:
    """Which web front ends may call; origins may hold `*` for any characters but `/`."""

    origins: tuple[str, ...]
    allow_headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age: int


@dataclass(frozen=True)
class Settings:
    """What holds for all routes. timeout in seconds; tracing: host:port of an OTLP/HTTP collector, empty for none.

    sampling: of a hundred requests that bring no trace context, how many are traced.
    """

    instance: str
    port: int
    timeout: float
    retries: int
    jwt: Jwt
    cors: Cors
    tracing: str = ""
    sampling: int = 100


@dataclass(frozen=True)
class Gateway:
    """Everything the configuration is made from."""

    settings: Settings
    services: tuple[Service, ...]

    @property
    def routes(self) -> list[Route]:
        """All routes, more specific ones first: the first that fits a request takes it."""
        routes = [route for service in self.services for route in service.routes]
        return sorted(routes, key=lambda route: (-len(route.path), route.path, not route.methods, route.methods))

    def service(self, name: str) -> Service | None:
        """The service of that name."""
        return next((service for service in self.services if service.name == name), None)


def read(services: Iterable[Mapping[str, Any]], settings: Settings) -> Gateway:
    """The gateway for `services`, each {name, http, grpc, routes} as the catalogue writes routes.

    Raises GatewayError with everything that is wrong with any of them.
    """
    problems: list[str] = []
    found = tuple(_service(raw, settings, problems) for raw in services)
    gateway = Gateway(settings, found)
    problems += _conflicts(gateway) + _trust(gateway) + _tracing(settings)
    if problems:
        raise GatewayError(problems)
    return gateway


def routes(services: Iterable[Mapping[str, Any]], jwt_service: str) -> list[Route]:
    """The routes of `services`, whatever holds for all routes. Raises GatewayError as `read` does."""
    nobody = Jwt(jwt_service, "", "", (), 0, 0, {})
    return read(services, Settings("", 0, timeout=0, retries=0, jwt=nobody, cors=Cors((), (), (), 0))).routes


def problems(services: Iterable[Mapping[str, Any]], jwt_service: str) -> list[str]:
    """What is wrong with the routes of `services`, whatever holds for all routes; a message each."""
    try:
        routes(services, jwt_service)
    except GatewayError as error:
        return error.problems
    return []


def from_catalogue(catalogue: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The services of a catalogue as `read` takes them: {name, http, grpc, routes}, ports as inside the container.

    `http` is the port called http, else the first one.
    """
    result = []
    for name, entry in catalogue.items():
        if entry.get("kind") != "service":
            continue
        ports = entry.get("ports") or []
        http = next((port for port in ports if port["name"] == "http"), ports[0] if ports else None)
        result.append(
            {
                "name": name,
                "http": http["container"] if http else None,
                "grpc": entry.get("grpc"),
                "routes": entry.get("routes") or [],
            }
        )
    return result


def seconds(value: Any) -> float:
    """A duration such as 500ms, 10s or 1m, or a bare 0, in seconds. Raises ValueError."""
    if value in (0, "0"):
        return 0.0
    return values.nanoseconds(value) / SECOND


def _service(raw: Mapping[str, Any], settings: Settings, problems: list[str]) -> Service:
    name = raw["name"]
    service = Service(name, raw.get("http"), raw.get("grpc"))
    routes = []
    for number, route in enumerate(raw.get("routes") or [], start=1):
        place = f"{name}, route {number}"
        if isinstance(route, Mapping):
            place = f"{name}, route {route.get('prefix') or route.get('grpc') or number}"
        try:
            routes.append(_route(service, route, settings))
        except ValueError as error:
            problems.append(f"{place}: {error}")
    return Service(service.name, service.http, service.grpc, tuple(routes))


def _route(service: Service, raw: Any, settings: Settings) -> Route:
    if not isinstance(raw, Mapping) or ("prefix" in raw) == ("grpc" in raw):
        raise ValueError("a route has either a prefix or the full name of a gRPC service (grpc)")
    grpc = "grpc" in raw
    keys = _GRPC_KEYS if grpc else _HTTP_KEYS
    for key in raw:
        if key not in keys:
            raise ValueError(f"unknown key {key}{values.nearest(str(key), keys)}")
    auth = raw.get("auth", "required")
    if auth not in AUTH:
        raise ValueError(f"auth is {auth!r}; it must be one of {', '.join(AUTH)}")
    common = {"service": service.name, "auth": auth, "rate_limit": _rate_limit(raw.get("rate_limit"))}
    if grpc:
        # A stream may last; how long a call may take is the caller's to say (grpc-timeout), unless the route limits it.
        timeout = _timeout(raw.get("timeout", 0))
        return Route(path=_grpc_path(service, raw["grpc"]), grpc=True, timeout=timeout, **common)
    return Route(
        path=_prefix(service, raw["prefix"]),
        methods=_methods(raw.get("methods")),
        timeout=_timeout(raw.get("timeout", settings.timeout)),
        retries=_retries(raw.get("retries", settings.retries)),
        **common,
    )


def _prefix(service: Service, value: Any) -> str:
    if service.http is None:
        raise ValueError("the service has no port for HTTP; give it one in `ports`")
    if not isinstance(value, str) or not _PREFIX.fullmatch(value) or "//" in value:
        raise ValueError(f"the prefix {value!r} must be a path that begins with /, without empty part, query or escape")
    if value.rstrip("/") == HEALTH_PATH:
        raise ValueError(f"{HEALTH_PATH} is the gateway's own; choose another prefix")
    return value


def _grpc_path(service: Service, value: Any) -> str:
    if service.grpc is None:
        raise ValueError("the service has no port for gRPC; set its `grpc`")
    if not isinstance(value, str) or not _GRPC_SERVICE.fullmatch(value):
        raise ValueError(f"{value!r} must be a gRPC service's full name, such as shop.order.v1.OrderService")
    return f"/{value}/"


def _methods(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("methods must be a list; leave it out to allow all")
    wrong = [str(method) for method in value if method not in METHODS]
    if wrong:
        raise ValueError(f"unknown method {', '.join(wrong)}; valid: {', '.join(METHODS)}")
    # Who may read a resource may ask for its headers.
    return tuple(method for method in METHODS if method in value or (method == "HEAD" and "GET" in value))


def _timeout(value: Any) -> float:
    if isinstance(value, float | int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError("timeout must not be negative")
        return float(value)
    try:
        return seconds(value)
    except ValueError as error:
        raise ValueError(f"timeout: {error}") from None


def _retries(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 5:
        raise ValueError(f"retries is {value!r}; it must be a whole number from 0 to 5")
    return value


def _rate_limit(value: Any) -> RateLimit | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"requests", "per"}:
        raise ValueError("rate_limit must be {requests: <number>, per: <duration>}")
    requests = value["requests"]
    if not isinstance(requests, int) or isinstance(requests, bool) or requests < 1:
        raise ValueError(f"rate_limit.requests is {requests!r}; it must be a whole number above 0")
    try:
        per = seconds(value["per"])
    except ValueError as error:
        raise ValueError(f"rate_limit.per: {error}") from None
    if per < 1:
        raise ValueError("rate_limit.per must be at least 1s")
    return RateLimit(requests, per)


def _conflicts(gateway: Gateway) -> list[str]:
    """Routes that could never be reached, because another one takes the same requests."""
    problems = []
    routes = gateway.routes
    for place, route in enumerate(routes):
        for other in routes[:place]:
            if _same_path(route, other) and _overlap(route, other):
                problems.append(f"{other.name} and {route.name}: both take the same requests; change path or methods")
    return problems


def _same_path(one: Route, other: Route) -> bool:
    return one.path == other.path


def _overlap(one: Route, other: Route) -> bool:
    """Whether one request could fit both. A route with methods beside one without takes precedence over it."""
    if bool(one.methods) != bool(other.methods):
        return False
    return not one.methods or bool(set(one.methods) & set(other.methods))


def _trust(gateway: Gateway) -> list[str]:
    """What is missing to verify the tokens that routes ask for."""
    jwt = gateway.settings.jwt
    asking = [route.name for route in gateway.routes if route.auth != "none"]
    if not asking:
        return []
    if not jwt.service:
        return [
            f"{asking[0]}{_others(asking)}: tokens are to be verified, but no service publishes the keys: "
            "set gateway_jwt_service, or give the routes auth: none"
        ]
    publisher = gateway.service(jwt.service)
    if publisher is None:
        return [
            f"gateway_jwt_service: there is no service {jwt.service} in the catalogue"
            f"{values.nearest(jwt.service, [service.name for service in gateway.services])}"
        ]
    if publisher.http is None:
        return [f"gateway_jwt_service: {jwt.service} has no port for HTTP to publish its keys on"]
    return []


def _others(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _tracing(settings: Settings) -> list[str]:
    if settings.tracing and not re.fullmatch(r"[A-Za-z0-9.-]+:\d{1,5}", settings.tracing):
        return [f"gateway_tracing_endpoint is {settings.tracing!r}; it must be host:port"]
    return []
