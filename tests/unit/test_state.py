"""The group of the engine's socket in containers."""

import grp
import os
from types import SimpleNamespace

import pytest

from cloudlab.engine import state


@pytest.mark.parametrize(
    ("facts", "group"),
    [
        ({"socket": "/var/run/docker.sock", "here": False, "rootless": False}, "0"),
        ({"socket": "", "here": True, "rootless": False}, ""),
    ],
    ids=["virtual machine", "TCP"],
)
def test_the_group_of_a_socket_on_another_machine(facts, group):
    assert state.socket_group(facts) == group


def test_a_socket_of_this_machine_belongs_to_its_group(tmp_path):
    path = tmp_path / "docker.sock"
    path.touch()
    facts = {"socket": str(path), "here": True, "rootless": False}
    assert state.socket_group(facts) == str(os.stat(path).st_gid)


@pytest.mark.parametrize(("groups", "group"), [({"docker": SimpleNamespace(gr_gid=104)}, "104"), ({}, "0")])
def test_the_socket_of_a_rootless_engine(monkeypatch, groups, group):
    """It belongs to the group docker if there is one, whose number is the same in containers."""
    monkeypatch.setattr(grp, "getgrnam", groups.__getitem__)
    facts = {"socket": "/run/user/1000/docker.sock", "here": True, "rootless": True}
    assert state.socket_group(facts) == group
