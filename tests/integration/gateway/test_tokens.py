"""What a token and a browser's origin allow."""

import time

import pytest
import requests
from gateway_services import PROBLEM, problem
from gateways import Keys


class TestTokens:
    def test_claims_of_a_valid_token_become_headers(self, gateway):
        token = gateway.keys.token()
        headers = gateway.get("/api/v1/orders/7", token=token).json()["headers"]
        assert headers["X-User-Id"] == ["u-1"]
        assert headers["X-Tenant-Id"] == ["t-1"]
        assert headers["X-User-Roles"] == ["admin,buyer"]
        assert headers["Authorization"] == [f"Bearer {token}"]

    def test_a_missing_token_is_refused(self, gateway):
        response = gateway.get("/api/v1/orders/7")
        assert problem(response, 401)["detail"] == "Jwt is missing"
        assert response.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        ("token", "status", "words"),
        [
            (lambda keys: keys.token(exp=int(time.time()) - 60), 401, "expired"),
            (lambda keys: Keys().token(), 401, "verification fails"),
            (lambda keys: Keys("other").token(), 401, "Jwks doesn't have key"),
            (lambda keys: keys.token(iss="http://elsewhere"), 401, "issuer"),
            (lambda keys: keys.token(aud=["elsewhere"]), 403, "Audiences"),
            (lambda keys: keys.token(exp=None), 401, "verification fails"),
            (lambda keys: keys.token()[:-8] + "AAAAAAAA", 401, "verification fails"),
            (lambda keys: "rubbish", 401, "Jwt is not in the form"),
        ],
        ids=["expired", "forged", "unknown key", "issuer", "audience", "no expiry", "altered", "rubbish"],
    )
    def test_an_invalid_token_is_refused_with_the_reason(self, gateway, token, status, words):
        assert words in problem(gateway.get("/api/v1/orders/7", token=token(gateway.keys)), status)["detail"]

    def test_an_optional_token_can_be_missing_but_not_invalid(self, gateway):
        assert "X-User-Id" not in gateway.get("/api/v1/reviews").json()["headers"]
        assert gateway.get("/api/v1/reviews", token=gateway.keys.token()).json()["headers"]["X-User-Id"] == ["u-1"]
        problem(gateway.get("/api/v1/reviews", token=Keys().token()), 401)

    @pytest.mark.parametrize("path", ["/api/v1/orders", "/api/v1/reviews", "/api/v1/products"])
    def test_identity_headers_of_clients_are_removed(self, gateway, path):
        spoofed = {"X-User-Id": "root", "x-tenant-id": "t-9", "X-User-Roles": "admin", "x_user_id": "root"}
        token = gateway.keys.token(sub="u-2", tenant=None, roles=None) if path == "/api/v1/orders" else ""
        headers = gateway.get(path, token=token, headers=spoofed).json()["headers"]
        assert headers.get("X-User-Id") == (["u-2"] if token else None)
        assert not {"X-Tenant-Id", "X-User-Roles", "X_user_id"} & set(headers)

    def test_each_method_of_a_path_has_its_own_rules(self, gateway):
        assert gateway.get("/api/v1/products").status_code == 200
        problem(gateway.send("POST", "/api/v1/products"), 401)
        assert gateway.send("POST", "/api/v1/products", token=gateway.keys.token()).status_code == 200

    @pytest.mark.parametrize(
        "path", ["/api/v1/products/../orders", "/api/v1/products/%2e%2e/orders", "//api/v1/orders"]
    )
    def test_no_spelling_of_a_path_bypasses_the_token_check(self, gateway, path):
        request = requests.Request("GET", gateway.url).prepare()
        request.url = gateway.url + path
        with requests.Session() as session:
            problem(session.send(request, timeout=10), 401)
        request.url = gateway.url + "/api/v1/products/..%2Forders"
        with requests.Session() as session:
            response = session.send(request, timeout=10)
        assert response.status_code == 400 and response.headers["content-type"] == PROBLEM
        assert "path_normalization_failed" in response.json()["detail"]


class TestCors:
    ORIGIN = "http://localhost:5173"

    def test_a_preflight_request_needs_no_token(self, gateway):
        headers = {
            "Origin": self.ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        response = gateway.send("OPTIONS", "/api/v1/orders", headers=headers)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == self.ORIGIN
        assert "POST" in response.headers["access-control-allow-methods"]
        assert "authorization" in response.headers["access-control-allow-headers"]
        assert response.headers["access-control-allow-credentials"] == "true"

    @pytest.mark.parametrize("path", ["/api/v1/orders", "/api/v1/products", "/nowhere"])
    def test_a_preflight_request_needs_no_route(self, gateway, path):
        headers = {"Origin": self.ORIGIN, "Access-Control-Request-Method": "DELETE"}
        response = gateway.send("OPTIONS", path, headers=headers)
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, self.ORIGIN)

    def test_another_origin_is_not_allowed(self, gateway):
        headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "GET"}
        response = gateway.send("OPTIONS", "/api/v1/products", headers=headers)
        assert "access-control-allow-origin" not in response.headers
        headers = {"Origin": "http://localhost:5173.evil.example/"}
        assert "access-control-allow-origin" not in gateway.get("/api/v1/products", headers=headers).headers

    @pytest.mark.parametrize(
        ("path", "status"), [("/api/v1/products", 200), ("/api/v1/orders", 401), ("/nowhere", 404)]
    )
    def test_an_allowed_origin_can_read_responses_and_errors(self, gateway, path, status):
        response = gateway.get(path, headers={"Origin": self.ORIGIN})
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == self.ORIGIN
        assert "x-request-id" in response.headers["access-control-expose-headers"]
