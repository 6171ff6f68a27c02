"""The group of the engine's socket in containers."""

import os

import pytest

from cloudlab.engine import state


@pytest.mark.parametrize(
    ("facts", "group"),
    [
        ({"socket": "/var/run/docker.sock", "here": False, "rootless": False}, "0"),
        ({"socket": "/run/user/1000/docker.sock", "here": True, "rootless": True}, "0"),
        ({"socket": "", "here": True, "rootless": False}, ""),
    ],
    ids=["virtual machine", "rootless", "TCP"],
)
def test_the_group_of_a_socket_on_another_machine(facts, group):
    assert state.socket_group(facts) == group


def test_a_socket_of_this_machine_belongs_to_its_group(tmp_path):
    path = tmp_path / "docker.sock"
    path.touch()
    facts = {"socket": str(path), "here": True, "rootless": False}
    assert state.socket_group(facts) == str(os.stat(path).st_gid)
