"""When waiting ends: healthy, hopeless, or too late."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from docker.errors import NotFound

from cloudlab.containers.waiting import Watcher

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
        return {"State": self.state, "RestartCount": self.restarts}


def watching(seconds: float = 60) -> tuple[FakeClient, Watcher]:
    client = FakeClient()
    watcher = Watcher(SimpleNamespace(client=client))
    watcher.add("web", "1", seconds)
    assert watcher.poll() == {} or seconds == 0
    return client, watcher


def test_healthy_ends_the_wait():
    client, watcher = watching()
    client.status = "Up 2 seconds (healthy)"
    assert watcher.poll() == {"web": None}
    assert len(watcher) == 0


@pytest.mark.parametrize(
    ("state", "restarts", "words"),
    [
        ({"Status": "exited", "ExitCode": 3}, 0, "it does not run: it exited with code 3"),
        ({"Status": "restarting", "ExitCode": 3}, 1, None),
        ({"Status": "restarting", "ExitCode": 3}, 3, "it crashes again and again (3 restarts): it exited with code 3"),
        ({"Status": "restarting", "ExitCode": 137, "OOMKilled": True}, 1, "needed more memory than its limit"),
        ({"Status": "dead", "ExitCode": 1}, 0, "it does not run"),
    ],
)
def test_hopeless_ends_the_wait(state, restarts, words):
    client, watcher = watching()
    client.state, client.restarts, client.status = state, restarts, "Restarting"
    decided = watcher.poll()
    assert (words in str(decided["web"])) if words else decided == {}


def test_a_removed_container_ends_the_wait():
    client, watcher = watching()
    client.gone = True
    assert "somebody removed it" in str(watcher.poll()["web"])


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ({"Status": "starting", "Log": []}, "its health check has not run yet"),
        ({"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": "no\n route"}]}, "fails with exit code 1: no route"),
        ({"Status": "starting", "Log": [{"ExitCode": -1, "Output": ""}]}, "takes longer than its timeout"),
        (None, "it has no health check"),
    ],
)
def test_too_late_tells_what_it_was_doing(health, words):
    client = FakeClient()
    client.state = {"Status": "running", "Health": health}
    watcher = Watcher(SimpleNamespace(client=client))
    watcher.add("web", "1", -1)
    found = str(watcher.poll()["web"])
    assert found.startswith("not healthy within")
    assert words in found
