"""Facts of engines on machines that the tests cannot run on; each record names its source."""

import json
from pathlib import Path

import pytest

from cloudlab.engine import machine
from cloudlab.lifecycle import preflight
from cloudlab.model import environment

RECORDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.glob("machines/*.json")
}


def facts(name):
    record = RECORDS[name]
    return machine.engine_facts(record["info"], record["address"], machine.System(*record["system"]))


# Record -> (who made the virtual machine, whether the engine is here, whether its kernel is ours).
PLACES = {
    "debian": ("", True, True),
    "fedora": ("", True, True),
    "rootless": ("", True, True),
    "wsl": (machine.WSL, True, True),
    "docker-desktop-wsl": (machine.DESKTOP, False, True),
    "docker-desktop-linux": (machine.DESKTOP, False, False),
    "docker-desktop-macos": (machine.DESKTOP, False, False),
    "colima": (machine.COLIMA, False, False),
    "orbstack": (machine.ORBSTACK, False, False),
}


def test_every_record_is_tested():
    assert PLACES.keys() == RECORDS.keys()


@pytest.mark.parametrize("name", RECORDS)
def test_where_the_engine_runs(name):
    found = facts(name)
    assert (found["provider"], found["here"], found["same_kernel"]) == PLACES[name]


@pytest.mark.parametrize("name", RECORDS)
def test_containers_mount_the_engines_socket_at_the_engines_path(name):
    """In a virtual machine it is at Linux's default path, whatever its path on this machine."""
    expected = "/run/user/1000/docker.sock" if name == "rootless" else "/var/run/docker.sock"
    assert facts(name)["socket"] == expected


def test_an_engine_that_is_reached_by_tcp_may_have_no_socket():
    record = RECORDS["debian"]
    found = machine.engine_facts(record["info"], "tcp://127.0.0.1:2375", machine.System(*record["system"]))
    assert found["socket"] == ""


@pytest.mark.parametrize(
    ("address", "node", "remote"),
    [
        ("tcp://192.0.2.1:2376", "elsewhere", True),
        ("ssh://dev@192.0.2.1", "elsewhere", True),
        # A port of this machine, and an engine of this machine under another name.
        ("tcp://127.0.0.1:2375", "elsewhere", False),
        ("tcp://[::1]:2375", "elsewhere", False),
        ("unix:///home/dev/.colima/docker.sock", "elsewhere", False),
        ("tcp://192.0.2.1:2376", "", False),
    ],
)
def test_an_engine_on_another_machine(address, node, remote):
    record = RECORDS["debian"]
    system = machine.System(*record["system"])
    found = machine.engine_facts(record["info"], address, system._replace(node=node or system.node))
    assert found["remote"] == (address if remote else "")


@pytest.mark.parametrize("name", RECORDS)
def test_an_engine_of_this_machine_is_not_remote(name):
    assert facts(name)["remote"] == ""


def test_an_engine_that_remaps_users():
    record = RECORDS["debian"]
    info = record["info"] | {"SecurityOptions": ["name=seccomp,profile=default", "name=userns"]}
    found = machine.engine_facts(info, record["address"], machine.System(*record["system"]))
    assert found["remaps_users"] and not facts("debian")["remaps_users"]
    # In its containers, root is nobody to the engine's socket and log files.
    assert (found["socket"], found["logs"]) == ("", "")


@pytest.mark.parametrize("name", RECORDS)
def test_logs_are_read_where_the_engine_keeps_them(name):
    expected = {"rootless": "/home/dev/.local/share/docker/containers", "docker-desktop-wsl": ""}
    assert facts(name)["logs"] == expected.get(name, "/var/lib/docker/containers")


def test_logs_that_cannot_be_read_are_a_warning():
    [finding] = preflight.logs(facts("docker-desktop-wsl"), ["otel-collector"])
    assert finding.level == preflight.WARNING
    assert preflight.logs(facts("docker-desktop-wsl"), ["postgres"]) == []
    assert preflight.logs(facts("docker-desktop-macos"), ["otel-collector"]) == []


@pytest.mark.parametrize("name", RECORDS)
def test_settings_of_another_kernel_are_ignored(name, tmp_path):
    """All WSL distributions share one kernel; a machine and Docker Desktop do not."""
    source = tmp_path / "max_map_count"
    source.write_text("65530\n")
    found = preflight.map_count(facts(name), ["elasticsearch"], 262144, source)
    assert len(found) == (1 if PLACES[name][2] else 0)


@pytest.mark.parametrize("name", RECORDS)
def test_the_disk_of_another_machine_is_ignored(name):
    looked_at = []

    def usage(place):
        looked_at.append(place)
        raise FileNotFoundError

    assert preflight.disk(facts(name), 1, usage) == []
    assert bool(looked_at) == PLACES[name][1]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("debian", "Give this machine more memory, or set CLOUDLAB_PROFILE=lite"),
        ("wsl", r"%UserProfile%\.wslconfig"),
        ("docker-desktop-wsl", r"%UserProfile%\.wslconfig"),
        ("docker-desktop-macos", "Docker Desktop: Settings, Resources"),
        ("colima", "colima start --memory 8"),
        ("orbstack", "orb config set memory_mib 8192"),
    ],
)
def test_how_the_engine_gets_more_memory(name, hint):
    [finding] = preflight.memory(facts(name) | {"memory": 1}, {}, 2)
    assert hint in finding.fix


@pytest.mark.parametrize("name", RECORDS)
def test_selinux_is_recognized(name):
    assert spec(name)["security_opts"] == ["no-new-privileges:true"] + (["label=disable"] if name == "fedora" else [])


@pytest.mark.parametrize("name", RECORDS)
def test_cpu_limits_only_where_the_engine_supports_them(name):
    assert ("cpus" in spec(name)) == (name != "rootless")


def spec(name):
    values = {
        "cloudlab_instance": "lab",
        "port_offset": 0,
        "catalogue": {"db": {"summary": "", "role": "db", "kind": "store", "resources": {"full": {"cpus": 1}}}},
    }
    return environment.component("db", values, "full", facts(name))["spec"]


def test_the_architecture_is_the_engines():
    assert facts("docker-desktop-macos")["arch"] == "aarch64"


def test_who_may_read_the_checkout():
    rootless, usual = facts("rootless"), facts("debian")
    assert machine.reader(1000, 1000, usual, 1000) == (1000, 1000)
    # macOS: the user 501 of the group staff.
    assert machine.reader(501, 20, facts("colima"), 501) == (501, 20)
    assert machine.reader(1000, 1000, rootless, 1000) == (0, 0)
    assert machine.reader(1001, 1001, rootless, 1000) == (1001, 1001)


LINUX = machine.System("Linux", "desk", "6.8.0-48-generic")
UBUNTU_IN_WSL = machine.System("Linux", "LAPTOP", "5.15.146.1-microsoft-standard-WSL2")
MAC = machine.System("Darwin", "mac.local", "24.1.0")


@pytest.mark.parametrize(
    ("address", "system", "systemd", "hint"),
    [
        (RECORDS["docker-desktop-macos"]["address"], MAC, False, "`open -a Docker`"),
        (RECORDS["colima"]["address"], MAC, False, "`colima start`"),
        (RECORDS["orbstack"]["address"], MAC, False, "`orb start`"),
        ("unix:///var/run/docker.sock", MAC, False, "Colima (`colima start`)"),
        ("unix:///var/run/docker.sock", LINUX, True, "`sudo systemctl start docker`"),
        ("unix:///var/run/docker.sock", LINUX, False, "`sudo service docker start`"),
        ("unix:///var/run/docker.sock", UBUNTU_IN_WSL, False, "Docker Desktop, with its WSL integration"),
        (RECORDS["docker-desktop-linux"]["address"], LINUX, True, "`systemctl --user start docker-desktop`"),
        (RECORDS["rootless"]["address"], LINUX, True, "`systemctl --user start docker`"),
        ("unix:///srv/own.sock", LINUX, True, "unset DOCKER_HOST and DOCKER_CONTEXT"),
        ("tcp://10.0.0.1:2375", LINUX, True, "unset DOCKER_HOST and DOCKER_CONTEXT"),
    ],
)
def test_what_starts_the_engine(address, system, systemd, hint):
    assert hint in machine.start_hint(address, system, systemd)
