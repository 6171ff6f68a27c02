"""Waiting for a store: what ends the wait, and the message."""

import docker
import pytest

from cloudlab.engine.waiting import Watcher
from cloudlab.stores import diagnosis, readiness


class Engine:
    """An engine with one container; each inspect gives the next of ``states`` (the last one for ever)."""

    def __init__(self, *states, log=b""):
        self.states, self.log, self.inspects = list(states), log, 0

    def inspect_container(self, name):
        self.inspects += 1
        if not self.states:
            raise docker.errors.NotFound(f"No such container: {name}")
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def logs(self, name, **_):
        return self.log


def container(status="running", restarts=0, **state):
    flags = {"Running": status == "running", "Restarting": status == "restarting", "Paused": status == "paused"}
    return {
        "Id": "1",
        "Name": "/h",
        "RestartCount": restarts,
        "State": {"Status": status, "ExitCode": 1, **flags, **state},
    }


def probe_that_answers_after(failures):
    remaining = iter(range(failures))

    def probe():
        if next(remaining, None) is not None:
            raise readiness.NotYetError("connection refused")
        return "answer"

    return probe


def wait(engine, failures=10**9, timeout=5.0):
    now = [0.0]

    def pause(seconds):
        now[0] += seconds

    probe = probe_that_answers_after(failures)
    watcher = Watcher(engine, clock=lambda: now[0], sleep=pause)
    return readiness.wait_until(engine, "h-kafka", probe, timeout, watcher)


def test_a_store_that_answers_costs_no_call_to_the_engine():
    engine = Engine(container())
    assert wait(engine, failures=0) == "answer"
    assert engine.inspects == 0


def test_waits_while_the_container_runs():
    assert wait(Engine(container()), failures=7) == "answer"


def test_a_restart_is_part_of_a_recovery():
    engine = Engine(container(restarts=4), container("restarting", restarts=5), container(restarts=6))
    assert wait(engine, failures=9) == "answer"


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([], "h-kafka does not exist"),
        (
            [container("exited", ExitCode=137, OOMKilled=True)],
            "is not running: it ran out of memory",
        ),
        ([container("created", ExitCode=0)], "is not running: it was never started"),
        ([container("paused", Running=True)], "docker unpause h"),
        ([container(restarts=1), container("restarting", restarts=4)], "crash loop: 3 restarts, it exited with code 1"),
        ([container()], r"does not answer after 5 s \(connection refused\)"),
    ],
)
def test_gives_up(states, message):
    with pytest.raises(readiness.NotReadyError, match=message):
        wait(Engine(*states))


def test_the_report_quotes_and_explains_the_log():
    log = b"starting\njava.lang.RuntimeException: Invalid cluster.id in: /x/meta.properties. Expected a, but read b\n"
    with pytest.raises(readiness.NotReadyError) as caught:
        wait(Engine(container("exited"), log=log))
    assert "    starting" in str(caught.value)
    assert "remove the data of both" in str(caught.value)


def test_an_answer_that_is_an_error_passes_through():
    def refused():
        raise PermissionError("password refused")

    with pytest.raises(PermissionError):
        readiness.wait_until(Engine(container()), "h", refused, 5)


def test_an_ordinary_log_needs_no_explanation():
    assert diagnosis.explain(["INFO started", "INFO stopped"]) is None
