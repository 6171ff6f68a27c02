"""Docker Engine 28 of Debian testing, with one setting of its administrator after the other."""

import datetime
import json

import pytest
from engines import assert_converges, converge, identities, inspect, reset, restart, start_rootless, stop
from fresh import assert_complete, assert_nothing_to_do, fresh_machine
from lab import wait_until

COMPONENTS = ["postgres", "redis", "dashboard", "otel-collector", "victorialogs"]
ONLY = ["--tags", ",".join(COMPONENTS)]
# The interval of Redis's health check, and that during its start.
INTERVAL, START_INTERVAL = 10, 1
READY = "Ready to accept connections"
# Log drivers whose lines cannot be read again. Cloudlab's containers have a driver of their own.
NOWHERE = {"log-driver": "none"}
ELSEWHERE = {"log-driver": "gelf", "log-opts": {"gelf-address": "udp://127.0.0.1:12201"}}


@pytest.fixture(scope="module")
def fresh(lab):
    """The machine, for all tests of this file, which follow one another."""
    yield from fresh_machine(lab, "forky", "dev", COMPONENTS, profile="full", unmasked=True)


def states(fresh):
    """Component -> its state, as the dashboard gets it from the engine."""
    address = "http://127.0.0.1:3000/engine/containers"
    script = f"import requests; print(requests.get('{address}', proxies={{'http': ''}}, timeout=10).text)"
    result = fresh.run(".venv/bin/python", "-c", script)
    assert result.status == 0, result.output
    return {item["Labels"]["cloudlab.component"]: item["State"] for item in json.loads(result.output)}


def assert_logs_are_found(fresh, *sources, **environ):
    """Assert that Redis's log can be read from the sources: the engine, the store (VictoriaLogs)."""

    def missing():
        command = ["./scripts/logs.sh", "--once", "redis", "--source"]
        return [source for source in sources if READY not in fresh.run(*command, source, **environ).output]

    wait_until(lambda: not missing(), f"all of {sources} have Redis's log", 10)


def test_a_fresh_machine_gets_the_engine_and_starts_everything(fresh):
    assert_complete(fresh, fresh.setup(*ONLY))
    version = fresh.run("docker", "version", "--format", "{{.Server.Version}}", user="root").output
    assert version.startswith("28."), version


def test_start_intervals_are_used(fresh):
    redis = inspect(fresh, "redis")
    check = redis["Config"]["Healthcheck"]
    assert (check["Interval"], check["StartInterval"]) == (INTERVAL * 10**9, START_INTERVAL * 10**9)
    # The first check was not one interval after the start, as it would be without a start interval.
    first = datetime.datetime.fromisoformat(redis["State"]["Health"]["Log"][0]["Start"])
    assert (first - datetime.datetime.fromisoformat(redis["State"]["StartedAt"])).total_seconds() < INTERVAL / 2


def test_another_run_changes_nothing(fresh):
    assert_nothing_to_do(fresh, *ONLY)


def test_containers_survive_a_restart_of_the_engine_with_live_restore(fresh):
    restart(fresh, **NOWHERE, **{"live-restore": True})
    assert_converges(fresh)
    before = identities(fresh)
    restart(fresh, **ELSEWHERE, **{"live-restore": True})
    # dockerd has created its socket again, which these two have mounted.
    converge(fresh)
    assert {name for name, identity in identities(fresh).items() if identity != before[name]} == {
        "dashboard",
        "otel-collector",
    }
    assert states(fresh) == dict.fromkeys(COMPONENTS, "running")
    assert_logs_are_found(fresh, "engine", "store")
    assert converge(fresh).changed == 0


def test_containerd_stores_the_images_of_the_second_mirror_in_another_data_root(fresh):
    reset(fresh)
    settings = {
        "data-root": "/var/lib/docker/data root",
        "features": {"containerd-snapshotter": True},
        # Nothing listens on the first one.
        "registry-mirrors": ["http://127.0.0.1:9", f"http://{fresh.environ['REGISTRY_MIRROR']}"],
    }
    restart(fresh, **settings)
    assert_converges(fresh, REGISTRY_MIRROR="")
    image = inspect(fresh, "redis")["Config"]["Image"]
    assert image.startswith("docker.io/library/redis:"), image
    assert_logs_are_found(fresh, "engine", "store")


def test_an_engine_that_remaps_users_is_reported(fresh):
    reset(fresh)
    restart(fresh, **{"userns-remap": "default"})
    run = assert_converges(fresh)
    assert "the engine maps the users of containers to others (userns-remap)" in " ".join(run.output.split())
    assert_logs_are_found(fresh, "engine")


def test_a_rootless_engine(fresh):
    reset(fresh)
    stop(fresh)
    environ = start_rootless(fresh)
    run = assert_converges(fresh, **environ)
    assert "the engine ignores the memory limits of containers" in " ".join(run.output.split())
    assert states(fresh) == dict.fromkeys(COMPONENTS, "running")
    assert_logs_are_found(fresh, "engine", "store", **environ)
