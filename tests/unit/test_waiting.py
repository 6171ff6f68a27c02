"""When waiting ends: healthy, given up, or too late."""

from __future__ import annotations

import pytest
from docker.errors import NotFound

from cloudlab.engine.waiting import NotYet, Watcher

STARTING = {"Status": "running", "Health": {"Status": "starting", "Log": []}}


class FakeClient:
    """An engine that lists and inspects one container, whose state the tests set."""

    def __init__(self):
        self.state, self.restarts, self.status, self.gone = dict(STARTING), 0, "Up 1 second (health: starting)", False

    def containers(self, **_):
        return [] if self.gone else [{"Id": "1", "State": self.state["Status"], "Status": self.status}]

    def inspect_container(self, _):
        if self.gone:
            raise NotFound("gone")
        return {"Id": "1", "Name": "/lab-web", "State": self.state, "RestartCount": self.restarts}


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def watching(seconds: float = 60) -> tuple[FakeClient, Watcher, Clock]:
    client, clock = FakeClient(), Clock()
    watcher = Watcher(client, clock, clock.sleep)
    watcher.add("web", "1", seconds)
    assert watcher.poll() == {}
    return client, watcher, clock


def test_healthy_ends_the_wait():
    client, watcher, _ = watching()
    client.status = "Up 2 seconds (healthy)"
    assert watcher.poll() == {"web": None}
    assert watcher.poll() == {}


@pytest.mark.parametrize(
    ("state", "restarts", "cause"),
    [
        ({"Status": "exited", "ExitCode": 3}, 0, "is not running: it exited with code 3"),
        ({"Status": "created", "ExitCode": 0}, 0, "is not running: it was never started"),
        ({"Status": "restarting", "ExitCode": 3}, 2, None),
        ({"Status": "restarting", "ExitCode": 3}, 3, "is in a crash loop: 3 restarts, it exited with code 3"),
        ({"Status": "restarting", "ExitCode": 137, "OOMKilled": True}, 1, "it ran out of memory"),
        ({"Status": "dead", "ExitCode": 1}, 0, "is not running"),
        ({"Status": "paused", "Paused": True}, 0, "is paused. Run docker unpause lab-web"),
        # Why it crashes is only known while it does not run.
        (STARTING, 3, None),
        (STARTING, 6, "is in a crash loop: 6 restarts"),
    ],
)
def test_a_container_that_cannot_become_healthy_ends_the_wait(state, restarts, cause):
    client, watcher, clock = watching()
    client.state, client.restarts, client.status = state, restarts, "Up or not"
    clock.sleep(1)
    decided = watcher.poll()
    assert (cause in str(decided["web"])) if cause else decided == {}


@pytest.mark.parametrize(("first", "cause"), [("running", None), ("restarting", "is in a crash loop: 5 restarts")])
def test_restarts_before_the_wait_count_only_in_a_container_that_is_between_two_starts(first, cause):
    client = FakeClient()
    client.state, client.restarts = {"Status": first, "ExitCode": 1}, 5
    watcher = Watcher(client)
    watcher.add("web", "1", 60)
    decided = watcher.poll()
    assert (cause in str(decided["web"])) if cause else decided == {}


def test_every_container_is_decided_in_the_end():
    _, watcher, clock = watching(seconds=5)
    assert str(watcher.finish()["web"]) == "is not healthy after 5 s: its health check has not run yet"
    assert 5 < clock.now < 6
    assert watcher.finish() == {}


def test_a_question_is_asked_until_it_has_an_answer_or_the_time_is_over():
    clock, asked = Clock(), []
    watcher = Watcher(None, clock, clock.sleep)

    def question():
        asked.append(clock.now)
        if len(asked) % 4:
            raise NotYet("starting")
        return "answer"

    assert watcher.until(question, 60) == "answer"
    with pytest.raises(NotYet, match="starting"):
        watcher.until(question, 0.3)
    assert len(asked) == 7


def test_a_removed_container_ends_the_wait():
    client, watcher, _ = watching()
    client.gone = True
    assert "does not exist" in str(watcher.poll()["web"])


@pytest.mark.parametrize(
    ("health", "cause"),
    [
        ({"Status": "starting", "Log": []}, "its health check has not run yet"),
        ({"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": "no\n route"}]}, "fails with exit code 1: no route"),
        ({"Status": "starting", "Log": [{"ExitCode": -1, "Output": ""}]}, "takes longer than its timeout"),
        ({"Status": "starting", "Log": [{"ExitCode": 0, "Output": ""}]}, "its health check passed only now"),
        (None, "it has no health check"),
    ],
)
def test_the_reason_at_the_deadline_is_what_the_health_check_reports(health, cause):
    client = FakeClient()
    client.state = {"Status": "running", "Health": health}
    watcher = Watcher(client)
    watcher.add("web", "1", -1)
    error = str(watcher.poll()["web"])
    assert error.startswith("is not healthy after")
    assert cause in error
