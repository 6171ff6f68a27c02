"""Envoy's route configuration: which requests go to which cluster, under which rules. Pure functions over the model."""

import math
import re
from collections.abc import Iterable
from typing import Any

from cloudlab.gateway.clusters import cluster_of
from cloudlab.gateway.model import HEALTH_PATH, METHODS, Cors, Gateway, RateLimit, Route

Resource = dict[str, Any]

NAME = "routes"  # of the route configuration
NAMESPACE = "cloudlab"  # of metadata
TYPE_ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_TYPE_CORS = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy"
_TYPE_JWT = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig"
_TYPE_LIMIT = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_TYPE_PREVIOUS_HOSTS = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
FILTER_CORS = "envoy.filters.http.cors"
FILTER_JWT = "envoy.filters.http.jwt_authn"
FILTER_LIMIT = "envoy.filters.http.local_ratelimit"


def routing(gateway: Gateway) -> Resource:
    """The route configuration: the gateway's own health, every route, and a response to everything else."""
    routes = [_health(), *(_route(route) for route in gateway.routes), *_unmatched(gateway)]
    return {
        "@type": TYPE_ROUTES,
        "name": NAME,
        "virtual_hosts": [
            {
                "name": "all",
                "domains": ["*"],
                "typed_per_filter_config": {FILTER_CORS: cors_policy(gateway.settings.cors)},
                "routes": [*_preflight(gateway.routes), *_ordered(routes)],
            },
        ],
    }


def cors_policy(cors: Cors) -> Resource:
    """Which origins may read responses, and what they may send."""
    return {
        "@type": _TYPE_CORS,
        "allow_origin_string_match": [_origin(origin) for origin in cors.origins],
        "allow_methods": ", ".join(METHODS),
        "allow_headers": ", ".join(cors.allow_headers),
        "expose_headers": ", ".join(cors.expose_headers),
        "max_age": str(cors.max_age),
        "allow_credentials": True,
        "forward_not_matching_preflights": False,
    }


def _origin(origin: str) -> Resource:
    if "*" not in origin:
        return {"exact": origin}
    return {"safe_regex": {"regex": "[^/]*".join(re.escape(part) for part in origin.split("*"))}}


def _ordered(routes: Iterable[Resource]) -> list[Resource]:
    """Longer paths first; on the same path, routes with methods first."""

    def rank(route: Resource) -> tuple[int, bool]:
        match = route["match"]
        path = next(match[key] for key in ("path", "path_separated_prefix", "prefix") if key in match)
        return -len(path), "headers" not in match

    return sorted(routes, key=rank)


def _route(route: Route) -> Resource:
    return {
        "name": route.name,
        "match": _match(route.path, route.methods),
        "metadata": {"filter_metadata": {NAMESPACE: {"service": route.service}}},
        "route": _action(route),
        "typed_per_filter_config": _filters(route),
    }


def _match(path: str, methods: Iterable[str] = ()) -> Resource:
    """A prefix matches whole path segments: /orders matches /orders and /orders/7, not /orders-archive."""
    match: Resource = {"prefix": path} if path.endswith("/") else {"path_separated_prefix": path}
    if methods:
        match["headers"] = [_methods_header(methods)]
    return match


def _methods_header(methods: Iterable[str]) -> Resource:
    return {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(methods)}}}


def _action(route: Route) -> Resource:
    action: Resource = {"cluster": cluster_of(route), "cluster_not_found_response_code": "SERVICE_UNAVAILABLE"}
    if route.grpc:
        # The caller's deadline (grpc-timeout) applies, up to the timeout of the route; a stream may last.
        limit = duration(route.timeout)
        return action | {
            "timeout": "0s",
            "max_stream_duration": {"max_stream_duration": limit, "grpc_timeout_header_max": limit},
        }
    action["timeout"] = duration(route.timeout)
    if route.retries:
        action["retry_policy"] = _retry_policy(route.retries)
    return action


def _retry_policy(retries: int) -> Resource:
    """Retry safe methods after connection and gateway errors, on another replica if there is one."""
    return {
        "retry_on": "connect-failure,refused-stream,reset,gateway-error",
        "num_retries": retries,
        "retriable_request_headers": [_methods_header(SAFE_METHODS)],
        "retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"},
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {"@type": _TYPE_PREVIOUS_HOSTS},
            },
        ],
        "host_selection_retry_max_attempts": 3,
    }


def _filters(route: Route) -> Resource:
    filters: Resource = {FILTER_JWT: token_rule(route.auth)}
    if route.rate_limit:
        filters[FILTER_LIMIT] = _limit(route, route.rate_limit)
    return filters


def token_rule(auth: str) -> Resource:
    """The token check of a route; `none` disables it."""
    return {"@type": _TYPE_JWT} | ({"disabled": True} if auth == "none" else {"requirement_name": auth})


def _limit(route: Route, limit: RateLimit) -> Resource:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        "@type": _TYPE_LIMIT,
        "stat_prefix": f"route_{route.service}",
        "token_bucket": {
            "max_tokens": limit.requests,
            "tokens_per_fill": limit.requests,
            "fill_interval": duration(limit.seconds),
        },
        "filter_enabled": always,
        "filter_enforced": always,
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
        "rate_limited_as_resource_exhausted": True,
        "response_headers_to_add": [_header("retry-after", str(math.ceil(limit.seconds / limit.requests)))],
    }


def _health() -> Resource:
    """The gateway's own health. It is checked every few seconds, so it is not traced."""
    never = {"numerator": 0}
    tracing = {"client_sampling": never, "random_sampling": never, "overall_sampling": never}
    return {**_answer("gateway:health", {"path": HEALTH_PATH}, 200), "tracing": tracing}


def _preflight(routes: Iterable[Route]) -> list[Resource]:
    """A route for preflights. The CORS filter answers them, but only if a route matches; none is forwarded."""
    first = next(iter(routes), None)
    if first is None:
        return []
    headers = [
        {"name": ":method", "string_match": {"exact": "OPTIONS"}},
        {"name": "origin", "present_match": True},
        {"name": "access-control-request-method", "present_match": True},
    ]
    return [
        {
            "name": "gateway:preflight",
            "match": {"prefix": "/", "headers": headers},
            "route": {"cluster": cluster_of(first)},
            "typed_per_filter_config": {FILTER_JWT: token_rule("none")},
        },
    ]


def _unmatched(gateway: Gateway) -> list[Resource]:
    """Responses to requests that no route matches: 405 with the methods of the path, or 404."""
    allowed: dict[str, set[str]] = {}
    for route in gateway.routes:
        if not route.grpc:
            allowed.setdefault(route.path, set()).update(route.methods or METHODS)
    readable = _readable(gateway.settings.cors)
    wrong_methods = [
        _answer(f"gateway:methods of {path}", _match(path), 405)
        | {"response_headers_to_add": [_header("allow", ", ".join(m for m in METHODS if m in methods)), *readable]}
        for path, methods in allowed.items()
        if methods < set(METHODS)
    ]
    unknown = _answer("gateway:unknown", {"prefix": "/"}, 404) | {"response_headers_to_add": readable}
    return [*wrong_methods, unknown]


def _readable(cors: Cors) -> list[Resource]:
    """The CORS filter ignores the gateway's own responses; they contain nothing secret, so any origin may read them."""
    return [
        _header("access-control-allow-origin", "%REQ(ORIGIN)%"),
        _header("access-control-allow-credentials", "true"),
        _header("access-control-expose-headers", ", ".join(cors.expose_headers)),
    ]


def _header(name: str, value: str) -> Resource:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _answer(name: str, match: Resource, status: int) -> Resource:
    """A route that the gateway answers itself, with a body from `replies`."""
    return {
        "name": name,
        "match": match,
        "direct_response": {"status": status},
        "typed_per_filter_config": {FILTER_JWT: token_rule("none")},
    }


def duration(seconds: float) -> str:
    """Seconds in the format of Envoy's configuration."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
