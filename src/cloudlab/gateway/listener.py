"""Envoy's listener: the processing of a request before and after routing. Pure functions over the model."""

from typing import Any

from cloudlab.gateway import clusters, routing
from cloudlab.gateway.model import HEALTH_PATH, Gateway, Jwt
from cloudlab.gateway.replies import local_replies

Resource = dict[str, Any]

NAME = "http"
STAT_PREFIX = "gateway"
PROVIDER = "tokens"
TYPE_LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_HCM = f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager"
_MEBIBYTE = 1 << 20

# Claims as headers. An array becomes a comma-separated list without its tables.
_CLAIMS = """
local function text(value)
  if type(value) == "table" then
    local parts = {}
    for _, part in ipairs(value) do
      if type(part) ~= "table" then parts[#parts + 1] = tostring(part) end
    end
    return table.concat(parts, ",")
  end
  if type(value) == "number" and value % 1 == 0 then return string.format("%d", value) end
  return tostring(value)
end

function envoy_on_request(handle)
  local verified = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
  local claims = verified and verified["claims"]
  if not claims then return end
  for header, claim in pairs(headers) do
    if claims[claim] ~= nil then handle:headers():replace(header, text(claims[claim])) end
  end
end
"""


def listener(gateway: Gateway) -> Resource:
    """The one listener, HTTP/1.1 and HTTP/2 without TLS on the same port."""
    return {
        "@type": TYPE_LISTENER,
        "name": NAME,
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": gateway.settings.port}},  # noqa: S104
        "per_connection_buffer_limit_bytes": _MEBIBYTE,
        "filter_chains": [{"filters": [_filter("envoy.filters.network.http_connection_manager", _manager(gateway))]}],
    }


def _manager(gateway: Gateway) -> Resource:
    jwt = gateway.settings.jwt
    return {
        "@type": _HCM,
        "stat_prefix": STAT_PREFIX,
        "codec_type": "AUTO",
        "rds": {"route_config_name": routing.NAME, "config_source": live_source("rds.json")},
        "http_filters": _http_filters(gateway),
        "access_log": [access_log(bool(gateway.settings.tracing))],
        "local_reply_config": local_replies(jwt.service),
        **_edge(),
        **_request_ids(),
        # Clients cannot set these headers; they come from verified tokens only.
        "early_header_mutation_extensions": [_without_headers([*jwt.claims.values()])],
        **({"tracing": _tracing(gateway.settings.sampling)} if gateway.settings.tracing else {}),
    }


def live_source(file: str) -> Resource:
    """A resource file that Envoy reads again when a file is renamed into its directory."""
    return {
        "path_config_source": {"path": f"{LIVE}/{file}", "watched_directory": {"path": LIVE}},
        "resource_api_version": "V3",
    }


LIVE = "/etc/envoy/live"


def _edge() -> Resource:
    """Every connection is from a client: its claims about its address, path and privileges are not trusted."""
    return {
        "use_remote_address": True,
        # Without ranges, Envoy would treat every private address as internal, and so every client.
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.1", "prefix_len": 32}]},
        "server_header_transformation": "PASS_THROUGH",
        "normalize_path": True,
        "merge_slashes": True,
        # With %2F, the gateway's rules and the service could see different paths.
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {"idle_timeout": "3600s", "headers_with_underscores_action": "DROP_HEADER"},
        "http2_protocol_options": {
            "max_concurrent_streams": 256,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": _MEBIBYTE,
        },
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "300s",
    }


def _request_ids() -> Resource:
    """Keep the id of a request, or generate one. The response includes it."""
    return {
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "request_id_extension": {
            "typed_config": {
                "@type": f"{_EXTENSIONS}.request_id.uuid.v3.UuidRequestIdConfig",
                # Envoy would encode its sampling decision in the id.
                "pack_trace_reason": False,
                # A client's id may be no UUID, and then Envoy would not trace the request.
                "use_request_id_for_trace_sampling": False,
            },
        },
    }


def _http_filters(gateway: Gateway) -> list[Resource]:
    """In processing order: a preflight is answered before the token check."""
    limit = {"@type": f"{_EXTENSIONS}.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "rate_limit"}
    tokens = _token_filters(gateway.settings.jwt) if any(route.auth != "none" for route in gateway.routes) else []
    return [
        _filter("envoy.filters.http.header_to_metadata", _trace_id()),
        _filter(routing.FILTER_CORS, {"@type": f"{_EXTENSIONS}.filters.http.cors.v3.Cors"}),
        _filter(routing.FILTER_LIMIT, limit),
        *tokens,
        _filter("envoy.filters.http.router", {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"}),
    ]


def _filter(name: str, config: Resource) -> Resource:
    return {"name": name, "typed_config": config}


def _trace_id() -> Resource:
    """The trace id of the W3C header, for the access log."""
    return {
        "@type": f"{_EXTENSIONS}.filters.http.header_to_metadata.v3.Config",
        "request_rules": [
            {
                "header": "traceparent",
                "on_header_present": {
                    "metadata_namespace": routing.NAMESPACE,
                    "key": "trace_id",
                    "regex_value_rewrite": {
                        "pattern": {"regex": "^[0-9a-f]+-([0-9a-f]+)-.*$"},
                        "substitution": r"\1",
                    },
                },
                "remove": False,
            },
        ],
    }


def _token_filters(jwt: Jwt) -> list[Resource]:
    names = "\n".join(f'  ["{header}"] = "{claim}",' for claim, header in sorted(jwt.claims.items()))
    script = f"local headers = {{\n{names}\n}}\n{_CLAIMS}"
    return [
        _filter(routing.FILTER_JWT, _jwt_filter(jwt)),
        _filter(
            "envoy.filters.http.lua",
            {
                "@type": f"{_EXTENSIONS}.filters.http.lua.v3.Lua",
                "default_source_code": {"inline_string": script},
            },
        ),
    ]


def _jwt_filter(jwt: Jwt) -> Resource:
    provider: Resource = {
        "issuer": jwt.issuer,
        "audiences": list(jwt.audiences),
        "require_expiration": True,
        "clock_skew_seconds": jwt.clock_skew,
        # Services may verify the token themselves.
        "forward": True,
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": "claims",
        "remote_jwks": {
            "http_uri": {"uri": f"http://{jwt.service}{jwt.path}", "cluster": jwt.service, "timeout": "2s"},
            "cache_duration": routing.duration(jwt.cache),
            # The gateway does not wait for the service, and keeps fetched keys until there are new ones.
            "async_fetch": {"fast_listener": True, "failed_refetch_duration": "1s"},
        },
    }
    return {
        "@type": f"{_EXTENSIONS}.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {PROVIDER: {key: value for key, value in provider.items() if value != [] and value != ""}},
        "requirement_map": {
            "required": {"provider_name": PROVIDER},
            # A token is optional, but an invalid one is rejected.
            "optional": {"requires_any": {"requirements": [{"provider_name": PROVIDER}, {"allow_missing": {}}]}},
        },
    }


def _without_headers(names: list[str]) -> Resource:
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": f"{_EXTENSIONS}.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [{"remove": name} for name in sorted(names)],
        },
    }


def _tracing(sampling: int) -> Resource:
    """Spans for a collector over OTLP/HTTP. A client's sampling decision is kept; other requests are sampled."""
    return {
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "service_name": STAT_PREFIX,
                "http_service": {
                    "http_uri": {
                        "uri": f"http://{clusters.TRACING}/v1/traces",
                        "cluster": clusters.TRACING,
                        "timeout": "1s",
                    },
                },
            },
        },
        "random_sampling": {"value": sampling},
        "spawn_upstream_span": True,
    }


def access_log(tracing: bool) -> Resource:
    """One line of JSON per request on standard output, without the query, which may contain secrets."""
    fields = {
        "time": "%START_TIME%",
        "level": "info",
        "msg": "request",
        "service": STAT_PREFIX,
        "request_id": "%REQ(X-REQUEST-ID)%",
        "trace_id": "%TRACE_ID%" if tracing else f"%DYNAMIC_METADATA({routing.NAMESPACE}:trace_id)%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "protocol": "%PROTOCOL%",
        "route": "%ROUTE_NAME%",
        "upstream": "%UPSTREAM_CLUSTER%",
        "upstream_address": "%UPSTREAM_HOST%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS_NUMBER%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "duration_ms": "%DURATION%",
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        "user_id": f"%DYNAMIC_METADATA({routing.FILTER_JWT}:claims:sub)%",
        "client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
        "user_agent": "%REQ(USER-AGENT)%",
    }
    other_path = {"name": ":path", "string_match": {"exact": HEALTH_PATH}, "invert_match": True}
    return {
        "name": "envoy.access_loggers.stdout",
        "filter": {"header_filter": {"header": other_path}},
        "typed_config": {
            "@type": f"{_EXTENSIONS}.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {
                "json_format": fields,
                "omit_empty_values": True,
                "formatters": [
                    {
                        "name": "envoy.formatter.req_without_query",
                        "typed_config": {
                            "@type": f"{_EXTENSIONS}.formatter.req_without_query.v3.ReqWithoutQuery",
                        },
                    },
                ],
            },
        },
    }
