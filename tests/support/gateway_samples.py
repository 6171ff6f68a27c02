"""Services and settings of a gateway, for tests."""

import dataclasses

from cloudlab.gateway import model

JWT = model.Jwt("auth", "/jwks", "iss", ("aud",), 30, 5, {"sub": "x-user-id"})
CORS = model.Cors(("http://localhost:*",), ("authorization",), ("etag",), 600)
SETTINGS = model.Settings("cloudlab", 8080, timeout=15, retries=2, jwt=JWT, cors=CORS)
AUTH = {"name": "auth", "http": 8080, "grpc": None, "routes": []}
SERVICES = [
    AUTH,
    {
        "name": "order",
        "http": 8080,
        "grpc": 9090,
        "routes": [
            {"prefix": "/orders", "methods": ["GET", "POST"], "rate_limit": {"requests": 10, "per": "1m"}},
            {"grpc": "shop.Orders", "timeout": "5s"},
            {"prefix": "/files/", "auth": "none", "retries": 0, "timeout": 0},
        ],
    },
    {"name": "idle", "http": 8080, "grpc": 9090, "routes": []},
]


def gateway(*services, **changes) -> model.Gateway:
    """The gateway of `services` (or SERVICES), with changed settings."""
    return model.read(services or SERVICES, dataclasses.replace(SETTINGS, **changes))
