"""The gateway as clients, services and the person who changes a route see it: a real Envoy, real services behind it."""

import json
import shutil
import statistics
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from gateways import AUDIENCE, Gateway, Keys, build_upstream
from stores import has_engine

from cloudlab.gateway import config, envoy

pytestmark = [
    pytest.mark.skipif(not has_engine(), reason="no engine"),
    pytest.mark.skipif(not shutil.which("go"), reason="no Go toolchain for the services behind the gateway"),
]

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
        "name": "away",
        "http": 8080,
        "grpc": 9090,
        "routes": [{"prefix": "/api/v1/away", "auth": "none"}, {"grpc": "shop.Away", "auth": "none"}],
    },
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    gateway = Gateway(folder, build_upstream(folder))
    try:
        for service in ("auth", "order"):
            gateway.serve(service)
        gateway.serve("product", 1)
        gateway.serve("product", 2)
        run = gateway.converge(SERVICES)
        assert not run.failed, run.output
        gateway.wait_healthy()
        gateway.eventually(200, "/api/v1/orders/7", token=gateway.keys.token())
        yield gateway
    finally:
        gateway.remove()


def problem(response: requests.Response, status: int) -> dict:
    """The problem document of an answer that the gateway gave itself."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    return body


class TestTokens:
    def test_claims_of_a_valid_token_reach_the_service(self, gateway):
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
    def test_a_wrong_token_is_refused_and_says_why(self, gateway, token, status, words):
        assert words in problem(gateway.get("/api/v1/orders/7", token=token(gateway.keys)), status)["detail"]

    def test_an_optional_token_may_be_missing_but_not_wrong(self, gateway):
        assert "X-User-Id" not in gateway.get("/api/v1/reviews").json()["headers"]
        assert gateway.get("/api/v1/reviews", token=gateway.keys.token()).json()["headers"]["X-User-Id"] == ["u-1"]
        problem(gateway.get("/api/v1/reviews", token=Keys().token()), 401)

    @pytest.mark.parametrize("path", ["/api/v1/orders", "/api/v1/reviews", "/api/v1/products"])
    def test_nobody_says_himself_who_he_is(self, gateway, path):
        spoofed = {"X-User-Id": "root", "x-tenant-id": "t-9", "X-User-Roles": "admin", "x_user_id": "root"}
        token = gateway.keys.token(sub="u-2", tenant=None, roles=None) if path == "/api/v1/orders" else ""
        headers = gateway.get(path, token=token, headers=spoofed).json()["headers"]
        assert headers.get("X-User-Id") == (["u-2"] if token else None)
        assert not {"X-Tenant-Id", "X-User-Roles", "X_user_id"} & set(headers)

    def test_methods_of_one_path_have_rules_of_their_own(self, gateway):
        assert gateway.get("/api/v1/products").status_code == 200
        problem(gateway.send("POST", "/api/v1/products"), 401)
        assert gateway.send("POST", "/api/v1/products", token=gateway.keys.token()).status_code == 200

    @pytest.mark.parametrize(
        "path", ["/api/v1/products/../orders", "/api/v1/products/%2e%2e/orders", "//api/v1/orders"]
    )
    def test_no_way_of_writing_a_path_leads_round_the_token(self, gateway, path):
        request = requests.Request("GET", gateway.url).prepare()
        request.url = gateway.url + path
        with requests.Session() as session:
            problem(session.send(request, timeout=10), 401)
        request.url = gateway.url + "/api/v1/products/..%2Forders"
        with requests.Session() as session:
            response = session.send(request, timeout=10)
        assert response.status_code == 400 and response.headers["content-type"] == PROBLEM
        assert "path_normalization_failed" in response.json()["detail"]


class TestFrontEnds:
    ORIGIN = "http://localhost:5173"

    def test_a_preflight_is_answered_before_a_token_is_asked_for(self, gateway):
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
    def test_a_preflight_needs_no_route_of_its_own(self, gateway, path):
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
    def test_a_front_end_may_read_answers_and_refusals(self, gateway, path, status):
        response = gateway.get(path, headers={"Origin": self.ORIGIN})
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == self.ORIGIN
        assert "x-request-id" in response.headers["access-control-expose-headers"]


class TestRouting:
    def test_the_gateway_answers_for_itself(self, gateway):
        response = gateway.get("/healthz")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert response.headers["content-type"] == "application/json"

    @pytest.mark.parametrize("path", ["/nowhere", "/api/v1/productsX", "/"])
    def test_an_unknown_path_is_a_404(self, gateway, path):
        assert problem(gateway.get(path), 404)["instance"] == path

    def test_a_method_that_a_path_does_not_take_is_a_405(self, gateway):
        response = gateway.send("DELETE", "/api/v1/products")
        problem(response, 405)
        assert response.headers["allow"] == "GET, HEAD, POST"

    def test_replicas_share_the_load(self, gateway):
        hosts = {gateway.get("/api/v1/products").json()["host"] for _ in range(12)}
        assert hosts == {"product-1", "product-2"}

    def test_a_grpc_call_passes_through(self, gateway):
        answer = gateway.call("/shop.order.v1.OrderService/Place", "hello", gateway.keys.token())
        assert answer["Grpc-Status"] == "0" and answer["message"] == "hello"
        assert answer["X-Service"] == "order" and answer["X-Seen-User"] == "u-1"

    @pytest.mark.parametrize(
        ("method", "status", "words"),
        [
            ("/shop.order.v1.OrderService/Place", "16", "Jwt is missing"),
            ("/shop.Unknown/Do", "12", "no route for this method"),
            ("/shop.Away/Do", "14", "away is not available"),
        ],
    )
    def test_a_grpc_client_is_refused_in_its_own_terms(self, gateway, method, status, words):
        answer = gateway.call(method, "hello")
        assert answer["Grpc-Status"] == status and words in answer["Grpc-Message"]


class TestLimits:
    def test_a_rate_limit_counts_down_and_refuses(self, gateway):
        answers = [gateway.get("/api/v1/limited") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
        assert 0 < int(answers[3].headers["x-ratelimit-reset"]) <= 60
        assert answers[3].headers["retry-after"] == "20"
        problem(answers[3], 429)
        assert gateway.get("/api/v1/products").status_code == 200

    @pytest.mark.parametrize(("method", "status", "attempts"), [("GET", 200, 3), ("HEAD", 200, 3), ("POST", 503, 1)])
    def test_only_safe_methods_are_repeated(self, gateway, method, status, attempts):
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

    def test_a_service_that_takes_too_long_is_a_504(self, gateway):
        begun = time.monotonic()
        body = problem(gateway.get("/api/v1/slow?wait=5s"), 504)
        assert time.monotonic() - begun < 3
        assert body["service"] == "order" and "in time" in body["detail"]


class TestTraces:
    def test_a_request_id_is_made_and_returned_and_logged(self, gateway):
        response = gateway.get("/api/v1/products/9?secret=x")
        made = response.headers["x-request-id"]
        assert response.json()["headers"]["X-Request-Id"] == [made]
        [line] = gateway.requests_logged(made)
        assert line["route"] == "product:GET,HEAD /api/v1/products"
        assert (line["status"], line["upstream"], line["path"]) == (200, "product", "/api/v1/products/9")
        assert line["duration_ms"] >= 0 and "secret" not in json.dumps(line)

    def test_a_client_s_ids_are_kept(self, gateway):
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


class TestAway:
    def test_a_service_that_never_was_is_a_503_that_names_it(self, gateway):
        body = problem(gateway.get("/api/v1/away"), 503)
        assert body["service"] == "away" and body["detail"] == "away is not available."

    def test_a_service_that_goes_is_a_503_and_the_others_go_on(self, gateway):
        container = f"{gateway.instance}-order-1"
        gateway.api.kill(container)
        try:
            response = gateway.eventually(503, "/api/v1/orders", token=gateway.keys.token())
            assert problem(response, 503)["service"] == "order"
            assert gateway.get("/api/v1/products").status_code == 200
        finally:
            gateway.api.start(container)
        gateway.eventually(200, "/api/v1/orders", token=gateway.keys.token())

    def test_tokens_are_verified_while_auth_is_away(self, gateway):
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

    def test_the_admin_interface_is_on_the_monitoring_network_alone(self, gateway):
        networks = gateway.inspect()["NetworkSettings"]["Networks"]
        reached = {}
        for network in ("monitoring", "backend", "frontend"):
            address = networks[f"{gateway.instance}-{network}"]["IPAddress"]
            probe = f"exec 3<>/dev/tcp/{address}/9901"
            reached[network] = gateway.execute(gateway.name, "bash", "-c", probe)[0] == 0
        assert reached == {"monitoring": True, "backend": False, "frontend": False}


class Traffic:
    """Requests that nobody repeats, without a pause, while something changes; `answers` holds every status."""

    def __init__(self, gateway, path):
        self.url, self.answers, self._end = gateway.url + path, [], threading.Event()
        self._headers = {"Authorization": f"Bearer {gateway.keys.token()}"}

    def __enter__(self):
        self._pool = ThreadPoolExecutor(2)
        self._work = [self._pool.submit(self._send) for _ in range(2)]
        return self

    def __exit__(self, *_):
        self._end.set()
        for work in self._work:
            work.result()
        self._pool.shutdown()

    def _send(self):
        with requests.Session() as session:
            while not self._end.is_set():
                self.answers.append(session.post(self.url, headers=self._headers, timeout=10).status_code)


class Stream:
    """An answer that lasts as long as the block; `whole` says whether it came to its own end."""

    def __init__(self, gateway):
        self._url, self._id = f"{gateway.url}/api/v1/auth", uuid.uuid4().hex
        self.whole = False

    def __enter__(self):
        self._response = requests.get(f"{self._url}?hold={self._id}", stream=True, timeout=30)
        self._pool = ThreadPoolExecutor(1)
        self._lines = self._pool.submit(lambda: list(self._response.iter_lines()))
        return self

    def __exit__(self, *_):
        requests.get(f"{self._url}?release={self._id}", timeout=10).raise_for_status()
        self.whole = self._lines.result()[-1] == b"released"
        self._pool.shutdown()
        self._response.close()


class TestChange:
    """Runs last: it changes what the other tests rely on, and puts it back."""

    def test_nothing_to_do_asks_nobody(self, gateway):
        run = gateway.converge(SERVICES)
        assert not run.failed and not run.changed, run.output

    def test_a_changed_route_is_live_and_no_connection_is_dropped(self, gateway):
        container = gateway.inspect()["Id"]
        routes = [*SERVICES[2]["routes"], {"prefix": "/new", "auth": "none"}]
        changed = [*SERVICES[:2], SERVICES[2] | {"routes": routes}]
        problem(gateway.get("/new"), 404)
        with Stream(gateway) as stream, Traffic(gateway, "/api/v1/products") as traffic:
            run = gateway.converge(changed)
            assert not run.failed, run.output
            assert run.gateway["live"] and run.gateway["files"] == ["cds.json", "rds.json"]
            assert gateway.get("/new").status_code == 200
            problem(gateway.get("/api/v1/away"), 404)
        assert stream.whole
        assert len(traffic.answers) > 20 and set(traffic.answers) == {200}
        assert gateway.inspect()["Id"] == container
        assert not gateway.converge(SERVICES).failed

    def test_check_mode_shows_the_change_and_makes_none(self, gateway):
        changed = [*SERVICES[:3], SERVICES[3] | {"routes": [{"prefix": "/elsewhere", "auth": "none"}]}]
        run = gateway.converge(changed, "--check")
        assert not run.failed and run.changed, run.output
        assert any('"/elsewhere"' in part["after"] for part in run.gateway["diff"])
        problem(gateway.get("/elsewhere"), 404)

    def test_an_invalid_route_is_reported_before_anything_is_changed(self, gateway):
        wrong = [*SERVICES[:3], SERVICES[3] | {"routes": [{"prefix": "/x", "auth": "maybe"}, {"prefix": "/healthz"}]}]
        run = gateway.converge(wrong)
        assert run.failed
        assert "services.away.routes[0].auth: expected one of " in run.message
        assert "services.away.routes[1].prefix: /healthz is reserved" in run.message
        assert gateway.get("/api/v1/products").status_code == 200

    def test_what_envoy_refuses_is_never_written(self, gateway):
        before = self._files(gateway)
        run = gateway.converge(SERVICES, gateway_jwt_jwks_path="/a b\n")
        assert run.failed and "Envoy rejects" in run.message, run.output
        assert self._files(gateway) == before
        assert not gateway.api.containers(all=True, filters={"name": f"{gateway.name}-trial"})
        assert gateway.get("/api/v1/orders", token=gateway.keys.token()).status_code == 200

    def test_what_a_running_envoy_refuses_is_put_back(self, gateway):
        """A port that is taken is found by the trial's own network alone to be free: only the real one refuses it."""
        before = self._files(gateway)
        taken = gateway.component | {"ports": {"http": {"container": 9901, "host": gateway.port}}}
        component, gateway.component = gateway.component, taken
        try:
            run = gateway.converge(SERVICES)
        finally:
            gateway.component = component
        assert run.failed and "lds.json" in run.message and "9901" in run.message, run.output
        assert self._files(gateway) == before
        assert gateway.get("/api/v1/orders", token=gateway.keys.token()).status_code == 200
        run = gateway.converge(SERVICES)
        assert not run.failed and not run.changed, run.output

    def test_a_file_altered_by_hand_is_repaired(self, gateway):
        path = gateway.directory / "config" / "gateway-live" / config.ROUTES
        path.chmod(0o644)
        path.write_text(path.read_text().replace("/api/v1/reviews", "/api/v1/hacked"))
        run = gateway.converge(SERVICES)
        assert not run.failed and run.gateway["files"] == [config.ROUTES], run.output
        assert gateway.get("/api/v1/reviews").status_code == 200

    def test_an_interrupted_change_is_completed(self, gateway):
        (gateway.directory / "config" / "gateway-live.proven").unlink()
        run = gateway.converge(SERVICES)
        assert not run.failed and not run.changed, run.output
        state = envoy.query(gateway.api, gateway.name)
        assert all(state.versions.values()) and not state.warming

    def test_other_settings_reach_the_running_gateway(self, gateway):
        container = gateway.inspect()["Id"]
        with Stream(gateway) as stream, Traffic(gateway, "/api/v1/products") as traffic:
            run = gateway.converge(SERVICES, gateway_jwt_audiences=f"{AUDIENCE},elsewhere")
            assert not run.failed and run.gateway["files"] == ["lds.json"], run.output
        assert stream.whole and set(traffic.answers) == {200}
        assert gateway.get("/api/v1/orders", token=gateway.keys.token(aud="elsewhere")).status_code == 200
        assert gateway.inspect()["Id"] == container

    @staticmethod
    def _files(gateway):
        return {name: (gateway.directory / "config" / "gateway-live" / name).read_text() for name in config.FILES}


def test_spans_are_sent_where_a_collector_is_named(gateway):
    run = gateway.converge(SERVICES, gateway_tracing_endpoint="auth:8080")
    assert not run.failed, run.output
    trace = uuid.uuid4().hex
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    passed_on = gateway.get("/api/v1/products", headers=headers).json()["headers"]["Traceparent"][0]
    assert passed_on.split("-")[1] == trace and passed_on.split("-")[2] != "00f067aa0ba902b7"
    made = gateway.get("/api/v1/products")
    assert len(made.json()["headers"]["Traceparent"][0].split("-")[1]) == 32
    deadline = time.monotonic() + 15
    while int(gateway.get("/api/v1/auth?seen=traces").text) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_gateway_starts_before_anything_that_it_leads_to(tmp_path):
    gateway = Gateway(tmp_path, build_upstream(tmp_path))
    try:
        run = gateway.converge(SERVICES, "--check")
        assert not run.failed and run.changed, run.output
        assert not (tmp_path / "config").exists()
        run = gateway.converge(SERVICES)
        assert not run.failed, run.output
        gateway.wait_healthy()
        body = problem(gateway.get("/api/v1/orders", token=gateway.keys.token()), 503)
        assert body["service"] == "auth" and "cannot be verified" in body["detail"]
        for service in ("auth", "order"):
            gateway.serve(service)
        gateway.eventually(200, "/api/v1/orders", token=gateway.keys.token())
    finally:
        gateway.remove()


def test_the_gateway_costs_little(gateway):
    """Bounds far above what is measured on an idle machine; the median is printed with -s."""
    address = gateway.api.inspect_container(f"{gateway.instance}-order-1")["NetworkSettings"]["Networks"]
    direct = f"http://{address[f'{gateway.instance}-backend']['IPAddress']}:8080/api/v1/orders"
    token = {"Authorization": f"Bearer {gateway.keys.token()}"}
    with requests.Session() as session:
        times = {
            url: statistics.median(
                session.get(url, headers=token, timeout=10).elapsed.total_seconds() for _ in range(200)
            )
            for url in (direct, f"{gateway.url}/api/v1/orders")
        }
    added = times[f"{gateway.url}/api/v1/orders"] - times[direct]
    memory = gateway.api.stats(gateway.name, stream=False)["memory_stats"]
    used = memory["usage"] - memory["stats"].get("inactive_file", memory["stats"].get("total_inactive_file", 0))
    print(f"\nadded latency, median: {added * 1000:.2f} ms; memory: {used / (1 << 20):.1f} MiB")
    assert added < 0.02
    assert used < 96 << 20
