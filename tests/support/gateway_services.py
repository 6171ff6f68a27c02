"""The services behind the gateway in its tests, with their routes."""

import requests

PROBLEM = "application/problem+json"
SERVICES = [
    {"name": "auth", "http": 8080, "grpc": None, "routes": [{"prefix": "/api/v1/auth", "auth": "none", "timeout": 0}]},
    {
        "name": "order",
        "http": 8080,
        "grpc": 9090,
        "routes": [
            {"prefix": "/api/v1/orders", "auth": "required"},
            {"grpc": "shop.order.v1.OrderService", "auth": "required"},
            {"prefix": "/api/v1/slow", "auth": "none", "timeout": "500ms", "retries": 0},
        ],
    },
    {
        "name": "product",
        "http": 8080,
        "grpc": None,
        "routes": [
            {"prefix": "/api/v1/products", "auth": "none", "methods": ["GET"]},
            {"prefix": "/api/v1/products", "auth": "required", "methods": ["POST"]},
            {"prefix": "/api/v1/reviews", "auth": "optional"},
            {"prefix": "/api/v1/limited", "auth": "none", "rate_limit": {"requests": 3, "per": "1m"}},
            {"prefix": "/api/v1/flaky", "auth": "none", "retries": 2},
        ],
    },
    {
        "name": "missing",
        "http": 8080,
        "grpc": 9090,
        "routes": [{"prefix": "/api/v1/missing", "auth": "none"}, {"grpc": "shop.Missing", "auth": "none"}],
    },
]


def problem(response: requests.Response, status: int) -> dict:
    """The problem document of an answer that the gateway gave itself."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    return body
