"""Where a container finds the engine's socket, of what engines of several systems say about themselves."""

import os

import pytest

from cloudlab import stock

DEBIAN = {"OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "SecurityOptions": ["name=seccomp,profile=default"]}
DESKTOP = {"OperatingSystem": "Docker Desktop", "SecurityOptions": ["name=seccomp,profile=unconfined"]}
COLIMA = {"OperatingSystem": "Ubuntu 24.04.3 LTS", "SecurityOptions": ["name=seccomp,profile=builtin"]}
ROOTLESS = {"OperatingSystem": "Fedora Linux 42", "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]}


@pytest.mark.parametrize(
    ("address", "info", "platform", "socket", "group"),
    [
        ("unix:///home/me/.docker/desktop/docker.sock", DESKTOP, "linux", "/var/run/docker.sock", "0"),
        ("unix:///Users/me/.colima/default/docker.sock", COLIMA, "darwin", "/var/run/docker.sock", "0"),
        ("unix:///run/user/1000/docker.sock", ROOTLESS, "linux", "/run/user/1000/docker.sock", "0"),
        ("tcp://127.0.0.1:2375", DEBIAN, "linux", "", ""),
    ],
    ids=["Docker Desktop", "Colima", "rootless", "TCP"],
)
def test_where_the_socket_is(address, info, platform, socket, group):
    assert stock.socket(address, info, platform) == {"socket": socket, "socket_group": group}


def test_a_socket_of_this_machine_belongs_to_its_group(tmp_path):
    path = tmp_path / "docker.sock"
    path.touch()
    group = str(os.stat(path).st_gid)
    assert stock.socket(f"unix://{path}", DEBIAN, "linux") == {"socket": str(path), "socket_group": group}
