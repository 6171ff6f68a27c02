"""What the gateway exposes: services, their routes, and the settings of all routes. Read, checked, normalised.

Pure functions. Every problem is found before anything is written, and has the key path of its route.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from cloudlab.containers import values
from cloudlab.model import declarations, scalars, schema
from cloudlab.model.catalogue import main_port
from cloudlab.model.problems import ProblemsError, unknown

METHODS: tuple[str, ...] = get_args(scalars.Method)
HEALTH_PATH = "/healthz"  # the gateway's own health
SECOND = 10**9  # nanoseconds


class GatewayError(ProblemsError):
    """The gateway's configuration is invalid; `problems` holds one message each."""


@dataclass(frozen=True)
class RateLimit:
    """A token bucket of `requests`; one token is added every `seconds` / `requests`."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class Route:
    """Requests that the gateway forwards to a service: those below a path, or the calls of a gRPC service.

    methods: allowed methods; empty for all. timeout: seconds, 0 for none. retries: of safe methods only.
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
    """Tokens that are accepted. service: publishes the signing keys, may be empty; claims: claim -> request header."""

    service: str
    path: str
    issuer: str
    audiences: tuple[str, ...]
    cache: float
    clock_skew: int
    claims: Mapping[str, str]


@dataclass(frozen=True)
class Cors:
    """Which web front ends may call; `*` in an origin matches any characters except `/`."""

    origins: tuple[str, ...]
    allow_headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age: int


@dataclass(frozen=True)
class Settings:
    """Settings of all routes. timeout in seconds; tracing: host:port of an OTLP/HTTP collector, empty for none.

    sampling: percentage of requests without a trace context that are traced.
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
    """Everything that the configuration is generated from."""

    settings: Settings
    services: tuple[Service, ...]

    @property
    def routes(self) -> list[Route]:
        """All routes, more specific ones first, because the first match wins."""
        routes = [route for service in self.services for route in service.routes]
        return sorted(routes, key=lambda route: (-len(route.path), route.path, not route.methods, route.methods))


def read(services: Iterable[Mapping[str, Any]], settings: Settings) -> Gateway:
    """The gateway for `services`, each {name, http, grpc, routes} with routes as in the catalogue.

    Raises GatewayError with every problem.
    """
    problems: list[str] = []
    found = tuple(_service(raw, settings, problems) for raw in services)
    gateway = Gateway(settings, found)
    problems += _conflicts(gateway) + _trust(gateway) + _tracing(settings)
    if problems:
        raise GatewayError(problems)
    return gateway


def routes(services: Iterable[Mapping[str, Any]], jwt_service: str) -> list[Route]:
    """The routes of `services`, without the settings of all routes. Raises GatewayError as `read` does."""
    no_tokens = Jwt(jwt_service, "", "", (), 0, 0, {})
    return read(services, Settings("", 0, timeout=0, retries=0, jwt=no_tokens, cors=Cors((), (), (), 0))).routes


def problems(services: Iterable[Mapping[str, Any]], jwt_service: str) -> list[str]:
    """What is wrong with the routes of `services`, without the settings of all routes; a message each."""
    try:
        routes(services, jwt_service)
    except GatewayError as error:
        return error.problems
    return []


def from_catalogue(catalogue: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The services of a catalogue as `read` takes them: {name, http, grpc, routes}, ports as inside the container."""
    return [
        {
            "name": name,
            "http": main_port(entry["ports"]) if entry.get("ports") else None,
            "grpc": entry.get("grpc"),
            "routes": entry.get("routes") or [],
        }
        for name, entry in catalogue.items()
        if entry.get("kind") == "service"
    ]


def seconds(value: Any) -> float:
    """A duration such as 500ms, 10s, 1m or 0, in seconds. Raises ValueError."""
    if value in (0, "0"):
        return 0.0
    return values.nanoseconds(value) / SECOND


def _service(raw: Mapping[str, Any], settings: Settings, problems: list[str]) -> Service:
    service = Service(raw["name"], raw.get("http"), raw.get("grpc"))
    routes = []
    for index, route in enumerate(raw.get("routes") or []):
        place = f"services.{service.name}.routes[{index}]"
        if faults := schema.problems(route, declarations.Route, place):
            problems += faults
            continue
        try:
            routes.append(_route(service, schema.complete(route, declarations.Route), settings))
        except ValueError as error:
            problems.append(f"{place}{error}")
    return Service(service.name, service.http, service.grpc, tuple(routes))


def _route(service: Service, raw: Mapping[str, Any], settings: Settings) -> Route:
    """A valid route, normalised. Raises ValueError with what the rest of the configuration rules out."""
    timeout = raw.get("timeout")
    common = {"service": service.name, "auth": raw["auth"], "rate_limit": _rate_limit(raw.get("rate_limit"))}
    if "grpc" in raw:
        if service.grpc is None:
            raise ValueError(": the service has no port for gRPC. Set its `grpc`.")
        # A stream may last; without a limit of the route, the caller sets the deadline (grpc-timeout).
        return Route(path=f"/{raw['grpc']}/", grpc=True, timeout=_seconds("timeout", timeout or 0), **common)
    if service.http is None:
        raise ValueError(": the service has no port for HTTP. Add one to its `ports`.")
    if raw["prefix"].rstrip("/") == HEALTH_PATH:
        raise ValueError(f".prefix: {HEALTH_PATH} is reserved for the gateway's health. Choose another prefix.")
    methods = raw.get("methods", [])
    return Route(
        path=raw["prefix"],
        # Who may read a resource may ask for its headers.
        methods=tuple(method for method in METHODS if method in methods or (method == "HEAD" and "GET" in methods)),
        timeout=settings.timeout if timeout is None else _seconds("timeout", timeout),
        retries=raw.get("retries", settings.retries),
        **common,
    )


def _rate_limit(raw: Mapping[str, Any] | None) -> RateLimit | None:
    if raw is None:
        return None
    per = _seconds("rate_limit.per", raw["per"])
    if per < 1:
        raise ValueError(f".rate_limit.per: expected at least 1s, found {raw['per']!r}.")
    return RateLimit(raw["requests"], per)


def _seconds(key: str, value: Any) -> float:
    """A valid duration of the key of a route, in seconds. Raises ValueError."""
    try:
        return float(value) if isinstance(value, float | int) else seconds(value)
    except ValueError as error:
        raise ValueError(f".{key}: {error}.") from None


def _conflicts(gateway: Gateway) -> list[str]:
    """Routes that are unreachable, because another one matches the same requests."""
    return [
        f"routes {one.name} and {other.name} match the same requests. Change path or methods of one."
        for one, other in itertools.combinations(gateway.routes, 2)
        if one.path == other.path and _overlap(one, other)
    ]


def _overlap(one: Route, other: Route) -> bool:
    """Whether one request matches both. A route with methods takes precedence over one without."""
    if bool(one.methods) != bool(other.methods):
        return False
    return not one.methods or bool(set(one.methods) & set(other.methods))


def _trust(gateway: Gateway) -> list[str]:
    """What is missing to verify the tokens that routes require."""
    jwt = gateway.settings.jwt
    asking = [route.name for route in gateway.routes if route.auth != "none"]
    if not asking:
        return []
    if not jwt.service:
        others = f" and {len(asking) - 1} more" if len(asking) > 1 else ""
        return [
            f"{asking[0]}{others}: the route checks tokens, but no service publishes the signing keys. "
            "Set GATEWAY_JWT_SERVICE in .env, or set `auth: none`."
        ]
    ports = {service.name: service.http for service in gateway.services}
    if problems := unknown([jwt.service], ports, "service"):
        return [f"GATEWAY_JWT_SERVICE: {text}" for text in problems]
    if ports[jwt.service] is None:
        return [f"GATEWAY_JWT_SERVICE: {jwt.service} has no port for HTTP to publish its signing keys on."]
    return []


def _tracing(settings: Settings) -> list[str]:
    if settings.tracing and not re.fullmatch(r"[A-Za-z0-9.-]+:\d{1,5}", settings.tracing):
        return [f"gateway_tracing_endpoint is {settings.tracing!r}; it must be host:port."]
    return []
