"""Requests through the gateway as clients and services see them: routes, limits, traces, missing services."""

import json
import time
import uuid

import pytest
import requests
from gateway_services import problem


class TestRouting:
    def test_the_gateway_has_a_health_endpoint(self, gateway):
        response = gateway.get("/healthz")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert response.headers["content-type"] == "application/json"

    @pytest.mark.parametrize("path", ["/nowhere", "/api/v1/productsX", "/"])
    def test_an_unknown_path_is_404(self, gateway, path):
        assert problem(gateway.get(path), 404)["instance"] == path

    def test_a_method_without_a_route_is_405(self, gateway):
        response = gateway.send("DELETE", "/api/v1/products")
        problem(response, 405)
        assert response.headers["allow"] == "GET, HEAD, POST"

    def test_replicas_share_the_load(self, gateway):
        hosts = {gateway.get("/api/v1/products").json()["host"] for _ in range(12)}
        assert hosts == {"product-1", "product-2"}

    def test_a_grpc_call_is_forwarded(self, gateway):
        answer = gateway.call("/shop.order.v1.OrderService/Place", "hello", gateway.keys.token())
        assert answer["Grpc-Status"] == "0" and answer["message"] == "hello"
        assert answer["X-Service"] == "order" and answer["X-Seen-User"] == "u-1"

    @pytest.mark.parametrize(
        ("method", "status", "words"),
        [
            ("/shop.order.v1.OrderService/Place", "16", "Jwt is missing"),
            ("/shop.Unknown/Do", "12", "no route for this method"),
            ("/shop.Missing/Do", "14", "missing is not available"),
        ],
    )
    def test_a_grpc_client_gets_errors_as_grpc_status(self, gateway, method, status, words):
        answer = gateway.call(method, "hello")
        assert answer["Grpc-Status"] == status and words in answer["Grpc-Message"]


class TestLimits:
    def test_a_rate_limit_is_counted_in_headers_and_enforced(self, gateway):
        answers = [gateway.get("/api/v1/limited") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
        assert 0 < int(answers[3].headers["x-ratelimit-reset"]) <= 60
        assert answers[3].headers["retry-after"] == "20"
        problem(answers[3], 429)
        assert gateway.get("/api/v1/products").status_code == 200

    @pytest.mark.parametrize(("method", "status", "attempts"), [("GET", 200, 3), ("HEAD", 200, 3), ("POST", 503, 1)])
    def test_only_safe_methods_are_retried(self, gateway, method, status, attempts):
        key = uuid.uuid4().hex
        # Each of the two replicas refuses the first request that it sees; the third attempt is answered.
        assert gateway.send(method, f"/api/v1/flaky?fail=1&id={key}").status_code == status
        assert sum(int(text) for text in self._on_each_replica(gateway, f"/api/v1/flaky?seen={key}")) == attempts

    @staticmethod
    def _on_each_replica(gateway, path):
        for replica in (1, 2):
            address = gateway.api.inspect_container(f"{gateway.instance}-product-{replica}")
            address = address["NetworkSettings"]["Networks"][f"{gateway.instance}-backend"]["IPAddress"]
            yield requests.get(f"http://{address}:8080{path}", timeout=5).text

    def test_a_request_over_its_timeout_is_504(self, gateway):
        begun = time.monotonic()
        body = problem(gateway.get("/api/v1/slow?wait=5s"), 504)
        assert time.monotonic() - begun < 3
        assert body["service"] == "order" and "in time" in body["detail"]


class TestTraces:
    def test_a_request_id_is_generated_returned_and_logged(self, gateway):
        response = gateway.get("/api/v1/products/9?secret=x")
        made = response.headers["x-request-id"]
        assert response.json()["headers"]["X-Request-Id"] == [made]
        [line] = gateway.requests_logged(made)
        assert line["route"] == "product:GET,HEAD /api/v1/products"
        assert (line["status"], line["upstream"], line["path"]) == (200, "product", "/api/v1/products/9")
        assert line["duration_ms"] >= 0 and "secret" not in json.dumps(line)

    def test_ids_of_the_client_are_kept(self, gateway):
        sent, trace = f"client-{uuid.uuid4()}", uuid.uuid4().hex
        parent = f"00-{trace}-00f067aa0ba902b7-01"
        headers = {"X-Request-Id": sent, "traceparent": parent, "tracestate": "vendor=1"}
        response = gateway.get("/api/v1/orders", token=gateway.keys.token(), headers=headers)
        assert response.headers["x-request-id"] == sent
        got = response.json()["headers"]
        assert (got["X-Request-Id"], got["Traceparent"], got["Tracestate"]) == ([sent], [parent], ["vendor=1"])
        [line] = gateway.requests_logged(sent)
        assert (line["trace_id"], line["user_id"]) == (trace, "u-1")

    def test_a_refusal_is_logged_with_its_reason(self, gateway):
        [line] = gateway.requests_logged(gateway.get("/api/v1/orders").headers["x-request-id"])
        assert line["status"] == 401 and line["details"].startswith("jwt_authn_access_denied")

    def test_every_line_of_the_log_is_json(self, gateway):
        for line in gateway.log().splitlines():
            assert json.loads(line)["service"] == "gateway"


class TestUnavailable:
    def test_a_missing_service_is_503_with_its_name(self, gateway):
        body = problem(gateway.get("/api/v1/missing"), 503)
        assert body["service"] == "missing" and body["detail"] == "missing is not available."

    def test_a_killed_service_is_503_and_others_still_answer(self, gateway):
        container = f"{gateway.instance}-order-1"
        gateway.api.kill(container)
        try:
            response = gateway.eventually(503, "/api/v1/orders", token=gateway.keys.token())
            assert problem(response, 503)["service"] == "order"
            assert gateway.get("/api/v1/products").status_code == 200
        finally:
            gateway.api.start(container)
        gateway.eventually(200, "/api/v1/orders", token=gateway.keys.token())

    def test_tokens_are_verified_without_auth(self, gateway):
        container = f"{gateway.instance}-auth-1"
        gateway.api.kill(container)
        try:
            gateway.eventually(503, "/api/v1/auth")
            assert gateway.get("/api/v1/orders", token=gateway.keys.token()).status_code == 200
        finally:
            gateway.api.start(container)
        gateway.eventually(200, "/api/v1/auth")


class TestContainer:
    def test_it_is_hardened(self, gateway):
        inspected = gateway.inspect()
        host = inspected["HostConfig"]
        assert inspected["Config"]["User"] == "101:101"
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"] == 128 << 20
        assert list(host["PortBindings"]) == ["8080/tcp"]
        assert host["PortBindings"]["8080/tcp"][0]["HostIp"] == "127.0.0.1"

    def test_only_the_monitoring_network_has_the_admin_interface(self, gateway):
        networks = gateway.inspect()["NetworkSettings"]["Networks"]
        reached = {}
        for network in ("monitoring", "backend", "frontend"):
            address = networks[f"{gateway.instance}-{network}"]["IPAddress"]
            probe = f"exec 3<>/dev/tcp/{address}/9901"
            reached[network] = gateway.execute(gateway.name, "bash", "-c", probe)[0] == 0
        assert reached == {"monitoring": True, "backend": False, "frontend": False}
