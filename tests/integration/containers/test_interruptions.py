"""An interrupted converge is completed by the next one."""

from __future__ import annotations

import docker
import pytest
from container_lab import INSTANCE, NETWORK, OTHER_NETWORK, PREFIX, actions, edited_file

from cloudlab.containers import declaration, payload


def test_leftovers_of_an_interrupted_replacement_are_removed(lab):
    lab.up(lab.full())
    [parsed] = declaration.parse([lab.spec()], INSTANCE)
    lab.client.create_container_from_config(payload.create(parsed, (1, 41)), f"{PREFIX}-web.next")
    report = lab.up(lab.full())
    assert actions(report) == ["remove"]
    assert lab.names() == {f"{PREFIX}-web"}


class Interrupted(BaseException):
    """The process is killed: nothing after this happens."""


@pytest.mark.parametrize("last", range(6), ids="before {}".format)
def test_an_interruption_at_any_point_is_completed_by_the_next_run(module_lab, monkeypatch, last):
    """`last` is how many requests that change something are still made (create, connect, stop, delete, rename)."""
    lab = module_lab
    old = lab.full()
    new = old | {"files": [{"content": "threads 8\n", "target": "/etc/app.conf"}], "networks": [NETWORK, OTHER_NETWORK]}
    lab.up(old)
    lab.sh("echo kept > /data/row")
    with monkeypatch.context() as patch:
        left = iter(range(last))
        send = docker.APIClient.send

        def send_or_die(self, request, **settings):
            if request.method != "GET" and next(left, None) is None:
                raise Interrupted
            return send(self, request, **settings)

        patch.setattr(docker.APIClient, "send", send_or_die)
        with pytest.raises(Interrupted):
            lab.converge(new)
    lab.up(new)
    assert lab.sh("cat /etc/app.conf /data/row") == "threads 8\nkept\n"
    assert set(lab.inspect()["NetworkSettings"]["Networks"]) == {NETWORK, OTHER_NETWORK}
    assert lab.names() == {f"{PREFIX}-web"}
    assert lab.up(new).actions == []


def test_a_restart_for_a_file_that_is_interrupted_is_repeated(lab, monkeypatch):
    lab.up(lab.full())
    edited_file(lab)
    with monkeypatch.context() as patch:
        patch.setattr(docker.APIClient, "start", lambda *_: (_ for _ in ()).throw(Interrupted))
        with pytest.raises(Interrupted):
            lab.converge(lab.full())
    assert actions(lab.up(lab.full())) == ["start"]
    assert lab.sh("cat /etc/app.conf") == "threads 4\n"


def test_a_container_that_was_never_started_is_started(lab):
    raw = lab.spec(networks=[NETWORK, OTHER_NETWORK])
    [parsed] = declaration.parse([raw], INSTANCE)
    lab.client.create_container_from_config(payload.create(parsed, (1, 41)), raw["name"])
    assert actions(lab.up(raw)) == ["connect", "start"]
    assert set(lab.inspect()["NetworkSettings"]["Networks"]) == {NETWORK, OTHER_NETWORK}


def test_a_refused_specification_leaves_the_old_container_running(lab):
    lab.up(lab.spec())
    before = lab.inspect()
    report = lab.converge(lab.spec(cpus=999))
    assert "cpus: the engine accepts 0.01 to" in report.message
    report = lab.converge(lab.spec(cpus=999, hostname="new"))
    assert "cpus: the engine accepts 0.01 to" in report.message
    assert lab.inspect()["Id"] == before["Id"]
    assert lab.inspect()["State"]["StartedAt"] == before["State"]["StartedAt"]
    assert lab.names() == {f"{PREFIX}-web"}
