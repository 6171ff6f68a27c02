"""Changes of the configuration while the gateway runs."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import requests
from gateway_services import SERVICES, problem
from gateways import AUDIENCE, Gateway, build_upstream

from cloudlab.gateway import config, envoy


class Traffic:
    """Continuous requests without retries while something changes; `answers` has the status of each."""

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
    """A response that is open as long as the block; `complete` tells whether the server ended it."""

    def __init__(self, gateway):
        self._url, self._id = f"{gateway.url}/api/v1/auth", uuid.uuid4().hex
        self.complete = False

    def __enter__(self):
        self._response = requests.get(f"{self._url}?hold={self._id}", stream=True, timeout=30)
        self._pool = ThreadPoolExecutor(1)
        self._lines = self._pool.submit(lambda: list(self._response.iter_lines()))
        return self

    def __exit__(self, *_):
        requests.get(f"{self._url}?release={self._id}", timeout=10).raise_for_status()
        self.complete = self._lines.result()[-1] == b"released"
        self._pool.shutdown()
        self._response.close()


class TestUpdates:
    """Each test restores the configuration that the others expect."""

    def test_a_second_run_changes_nothing(self, gateway):
        run = gateway.converge(SERVICES)
        assert not run.failed and not run.changed, run.output

    def test_a_changed_route_takes_effect_without_dropped_connections(self, gateway):
        container = gateway.inspect()["Id"]
        routes = [*SERVICES[2]["routes"], {"prefix": "/new", "auth": "none"}]
        changed = [*SERVICES[:2], SERVICES[2] | {"routes": routes}]
        problem(gateway.get("/new"), 404)
        with Stream(gateway) as stream, Traffic(gateway, "/api/v1/products") as traffic:
            run = gateway.converge(changed)
            assert not run.failed, run.output
            assert run.gateway["live"] and run.gateway["files"] == ["cds.json", "rds.json"]
            assert gateway.get("/new").status_code == 200
            problem(gateway.get("/api/v1/missing"), 404)
        assert stream.complete
        assert len(traffic.answers) > 20 and set(traffic.answers) == {200}
        assert gateway.inspect()["Id"] == container
        assert not gateway.converge(SERVICES).failed

    def test_check_mode_shows_the_change_without_applying_it(self, gateway):
        changed = [*SERVICES[:3], SERVICES[3] | {"routes": [{"prefix": "/elsewhere", "auth": "none"}]}]
        run = gateway.converge(changed, "--check")
        assert not run.failed and run.changed, run.output
        assert any('"/elsewhere"' in part["after"] for part in run.gateway["diff"])
        problem(gateway.get("/elsewhere"), 404)

    def test_an_invalid_route_is_reported_before_anything_is_changed(self, gateway):
        wrong = [*SERVICES[:3], SERVICES[3] | {"routes": [{"prefix": "/x", "auth": "maybe"}, {"prefix": "/healthz"}]}]
        run = gateway.converge(wrong)
        assert run.failed
        assert "services.missing.routes[0].auth: expected one of " in run.message
        assert "services.missing.routes[1].prefix: /healthz is reserved" in run.message
        assert gateway.get("/api/v1/products").status_code == 200

    def test_a_configuration_that_envoy_rejects_is_never_written(self, gateway):
        before = self._files(gateway)
        run = gateway.converge(SERVICES, gateway_jwt_jwks_path="/a b\n")
        assert run.failed and "Envoy rejects" in run.message, run.output
        assert self._files(gateway) == before
        assert not gateway.api.containers(all=True, filters={"name": f"{gateway.name}-trial"})
        assert gateway.get("/api/v1/orders", token=gateway.keys.token()).status_code == 200

    def test_a_configuration_that_the_running_envoy_rejects_is_rolled_back(self, gateway):
        """The trial has a network of its own, in which the port is free; only the running Envoy finds it in use."""
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

    def test_changed_settings_take_effect_without_a_restart(self, gateway):
        container = gateway.inspect()["Id"]
        with Stream(gateway) as stream, Traffic(gateway, "/api/v1/products") as traffic:
            run = gateway.converge(SERVICES, gateway_jwt_audiences=f"{AUDIENCE},elsewhere")
            assert not run.failed and run.gateway["files"] == ["lds.json"], run.output
        assert stream.complete and set(traffic.answers) == {200}
        assert gateway.get("/api/v1/orders", token=gateway.keys.token(aud="elsewhere")).status_code == 200
        assert gateway.inspect()["Id"] == container

    @staticmethod
    def _files(gateway):
        return {name: (gateway.directory / "config" / "gateway-live" / name).read_text() for name in config.FILES}


def test_spans_are_sent_to_the_collector(gateway):
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


def test_the_gateway_starts_before_its_services(tmp_path):
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
