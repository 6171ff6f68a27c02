"""The gateway's own error responses: problem details (RFC 9457). Pure data.

Responses of services are never changed; these formats apply to the responses that Envoy generates.
"""

from typing import Any

from cloudlab.gateway.model import HEALTH_PATH
from cloudlab.gateway.routing import NAMESPACE

Resource = dict[str, Any]

CONTENT_TYPE = "application/problem+json"
_SERVICE = f"%METADATA(ROUTE:{NAMESPACE}:service)%"
_TEXT = "%LOCAL_REPLY_BODY%"  # the text of Envoy's response
_DETAILS = "%RESPONSE_CODE_DETAILS%"  # its reason code
_TYPE_CEL = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"

# If the signing keys cannot be fetched, the JWT filter responds 401, as if the token were invalid.
_NO_KEYS = 'response.code_details == "jwt_authn_access_denied{Jwks_remote_fetch_is_failed}"'

_OVERFLOW = {"response_flag_filter": {"flags": ["UO"]}}

# Status, title, detail. The first match applies.
_TITLES = (
    (400, "Bad Request", f"The gateway does not accept this request: {_DETAILS}."),
    (401, "Unauthorized", _TEXT),
    (403, "Forbidden", _TEXT),
    (404, "Not Found", "The gateway has no route for this path."),
    (405, "Method Not Allowed", "The path does not support this method; the header allow lists the supported ones."),
    (
        429,
        "Too Many Requests",
        "The rate limit of the route is exceeded; retry after the seconds in the header retry-after.",
    ),
)


def local_replies(publisher: str) -> Resource:
    """Envoy's local_reply_config. publisher: the service that publishes the signing keys."""
    return {
        "mappers": [
            _healthy(),
            *_grpc_mappers(publisher),
            _mapper(_no_keys(), 503, "Service Unavailable", _keys_detail(publisher), publisher),
            *(_mapper(_status(status), status, title, detail) for status, title, detail in _TITLES),
            _mapper(_OVERFLOW, 503, "Service Unavailable", f"{_SERVICE} has too many requests in flight.", _SERVICE),
            _mapper(_status(503), 503, "Service Unavailable", f"{_SERVICE} is not available.", _SERVICE),
            _mapper(_status(504), 504, "Gateway Timeout", f"{_SERVICE} did not respond in time.", _SERVICE),
        ],
        "body_format": _problem("%RESPONSE_CODE%", "The gateway could not forward the request", _DETAILS),
    }


def _healthy() -> Resource:
    return {
        "filter": {"header_filter": {"header": {"name": ":path", "string_match": {"exact": HEALTH_PATH}}}},
        "body_format_override": {"json_format": {"status": "ok"}, "content_type": "application/json"},
    }


def _keys_detail(publisher: str) -> str:
    return f"{publisher} is not available, so the token cannot be verified."


def _mapper(condition: Resource, status: int, title: str, detail: str, service: str = "") -> Resource:
    return {
        "filter": condition,
        "status_code": status,
        "body_format_override": _problem(status, title, detail, service),
    }


def _problem(status: int | str, title: str, detail: str, service: str = "") -> Resource:
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "%REQ(:PATH)%",
        "request_id": "%REQ(X-REQUEST-ID)%",
    }
    return {"json_format": body | ({"service": service} if service else {}), "content_type": CONTENT_TYPE}


def _grpc_mappers(publisher: str) -> list[Resource]:
    """A gRPC client gets the reason as plain text in its status message."""
    call = {
        "header_filter": {"header": {"name": "content-type", "string_match": {"prefix": "application/grpc"}}},
    }
    texts = (
        (_no_keys(), 503, _keys_detail(publisher)),
        (_status(404), 404, "the gateway has no route for this method"),
        (_status(503), 503, f"{_SERVICE} is not available"),
        (_status(504), 504, f"{_SERVICE} did not respond in time"),
    )
    mappers = [
        {
            "filter": {"and_filter": {"filters": [call, condition]}},
            "status_code": status,
            "body_format_override": {"text_format_source": {"inline_string": text}},
        }
        for condition, status, text in texts
    ]
    rest = {"filter": call, "body_format_override": {"text_format_source": {"inline_string": _TEXT}}}
    return [*mappers, rest]


def _no_keys() -> Resource:
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {"@type": _TYPE_CEL, "expression": _NO_KEYS},
        },
    }


def _status(code: int) -> Resource:
    # Envoy requires a runtime key, by which the value could be overridden; nothing sets it.
    value = {"default_value": code, "runtime_key": f"gateway.replies.{code}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}
