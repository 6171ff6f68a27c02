"""The order of requests, and refused ones."""

from __future__ import annotations

import pytest
from container_samples import API, parse, running, situation
from docker.errors import APIError

from cloudlab.containers.apply import Failure, apply
from cloudlab.containers.plan import plan


class Requests:
    """An engine that records requested changes, and refuses those that the test names."""

    def __init__(self, refused=()):
        self.refused, self.made = refused, []
        self.client, self.api = self, API

    def _note(self, name, answer=None):
        self.made.append(name)
        if name in self.refused:
            raise APIError("500", explanation=f"cannot {name}")
        return answer

    def update_container(self, *_):
        self._note("update")

    def create_container_from_config(self, _, name):
        return self._note(f"create {name}", {"Id": "new"})

    def connect_container_to_network(self, *_, **__):
        self._note("connect")

    def disconnect_container_from_network(self, *_, **__):
        self._note("disconnect")

    def inspect_container(self, _):
        return {"State": {"Paused": True}, "Config": {"StopTimeout": 7}}

    def unpause(self, _):
        self._note("unpause")

    def call(self, path, _, params, timeout):
        assert path == "/containers/{0}/stop"
        self._note(f"stop within {params['t']}")
        assert timeout > params["t"]

    def remove_container(self, *_, **settings):
        assert settings["v"]
        self._note("remove")

    def rename(self, _, name):
        self._note(f"rename {name}")

    def start(self, container_id):
        self._note(f"start {container_id}")

    def containers(self, **_):
        return []


REPLACEMENT = ["create lab-web.next", "unpause", "stop within 7", "remove", "rename lab-web", "start new"]


def planned(**change):
    return plan(parse(**change), situation(running(parse())), "started", API)


def test_a_replacement_keeps_the_old_container_until_the_new_one_is_created():
    engine = Requests()
    assert apply(engine, planned(user="999")).container_id == "new"
    assert engine.made == REPLACEMENT


def test_a_refused_specification_leaves_the_old_container_unchanged():
    engine = Requests(refused=["create lab-web.next"])
    with pytest.raises(Failure, match="cannot create"):
        apply(engine, planned(user="999"))
    assert engine.made == ["create lab-web.next"]


def test_networks_are_fixed_in_place():
    engine = Requests()
    assert apply(engine, planned(networks=["lab-front", "lab-back"])).replaced == {}
    assert engine.made == ["disconnect", "connect", "connect"]


def test_a_container_is_recreated_when_the_engine_refuses_to_change_it():
    engine = Requests(refused=["update"])
    outcome = apply(engine, planned(memory="32m"))
    assert engine.made == ["update", *REPLACEMENT]
    assert outcome.replaced == {"update": "the engine refused to update the container: cannot update"}


def test_a_missing_image_fails_before_any_request():
    engine = Requests()
    with pytest.raises(Failure, match="Build or pull it first"):
        apply(engine, plan(parse(), situation(None, image=None), "started", API))
    assert engine.made == []


def test_a_container_that_does_not_start_is_named_with_its_id():
    engine = Requests(refused=["start new"])
    with pytest.raises(Failure) as caught:
        apply(engine, planned(user="999"))
    assert caught.value.container_id == "new"
