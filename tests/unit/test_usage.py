"""Memory and CPU usage, from the engine's statistics."""

import docker
import pytest
from docker.errors import NotFound

from cloudlab.engine import usage


@pytest.mark.parametrize(
    ("details", "used"),
    [
        ({"inactive_file": 30}, 70),
        # With cgroups of version 1 there are both, and the total counts.
        ({"inactive_file": 10, "total_inactive_file": 40}, 60),
        ({"inactive_file": 130}, 100),
        ({}, 100),
    ],
)
def test_memory_is_without_the_inactive_file_cache(details, used):
    assert usage.memory({"memory_stats": {"usage": 100, "stats": details}}) == used


def test_a_container_that_has_ended_uses_nothing():
    assert usage.memory({"memory_stats": {}}) == 0


def test_a_removed_container_is_left_out(monkeypatch):
    def stats(_, container, **__):
        if container == "gone":
            raise NotFound("no such container")
        return {"read": container}

    monkeypatch.setattr(docker.APIClient, "stats", stats)
    client = docker.APIClient(version="1.41")
    assert usage.sample(client, {"db": "1", "web": "gone"}) == {"db": {"read": "1"}}
