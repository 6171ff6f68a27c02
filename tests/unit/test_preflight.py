"""The preflight checks."""

import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from cloudlab.engine import ports as hostports
from cloudlab.lifecycle import preflight

Usage = namedtuple("Usage", "free")
GIB = 2**30


def environment(**changes):
    base = {"instance": "lab", "composed": False, "chosen": ["db"], "engine": {}, "components": {}}
    base |= {"networks": {}, "volumes": {}}
    return base | changes


def component(port, container="lab-db"):
    return {"container": container, "ports": {"sql": {"container": 5432, "host": port}}, "memory": "512m"}


def texts(findings):
    return [f"{finding.level}: {finding.text}" for finding in findings]


def test_too_little_memory_is_an_error():
    assert texts(preflight.memory({"memory": 2 * GIB}, {}, 4 * GIB)) == [
        "error: memory: the engine has 2.0 GiB, but 4.0 GiB is required."
    ]


def test_limits_above_the_memory_are_a_warning():
    found = preflight.memory(
        {"memory": 4 * GIB}, {"a": {"memory": "3g"}, "b": {"memory": "2g"}, "c": {"memory": ""}}, GIB
    )
    assert texts(found) == ["warning: memory: the engine has 4.0 GiB, but the components can use up to 5.0 GiB."]
    assert preflight.memory({"memory": 8 * GIB}, {"a": {"memory": "3g"}}, GIB) == []


def test_too_little_disk_space_is_an_error():
    engine = {"data_root": "/var/lib/docker", "here": True}
    found = preflight.disk(engine, 10 * GIB, usage=lambda place: Usage(3 * GIB))
    assert texts(found) == ["error: disk: /var/lib/docker has 3.0 GiB of free space, but 10.0 GiB is required."]
    assert preflight.disk(engine, 10 * GIB, usage=lambda place: Usage(30 * GIB)) == []


def test_the_disk_of_a_virtual_machine_is_unknown(tmp_path):
    assert (
        preflight.disk({"data_root": str(tmp_path / "absent"), "here": True}, 10 * GIB, usage=shutil.disk_usage) == []
    )


def test_an_engine_on_another_machine_is_a_warning():
    [found] = preflight.place({"remote": "tcp://192.0.2.1:2375"})
    assert found.level == "warning" and "tcp://192.0.2.1:2375" in found.text and "DOCKER_HOST" in found.fix
    assert preflight.place({"remote": ""}) == []


def test_remapped_users_are_a_warning():
    [found] = preflight.users({"remaps_users": True})
    assert found.level == "warning" and "userns-remap" in found.text and "daemon.json" in found.fix
    assert preflight.users({"remaps_users": False}) == []


def test_limits_that_the_engine_ignores_are_a_warning():
    [found] = preflight.limits({"memory_limit": False})
    assert found.level == "warning" and "memory limits" in found.text and "cgroup v2" in found.fix
    assert preflight.limits({"memory_limit": True}) == []


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "26.1.5", "27.5.1"])
def test_an_engine_that_lets_neighbours_in_is_a_warning(version):
    engine = {"here": True, "provider": "", "rootless": False, "version": version}
    [found] = preflight.neighbours(engine)
    assert found.level == "warning" and version in found.text
    security = Path("SECURITY.md").read_text(encoding="utf-8")
    for rule in preflight.NEIGHBOUR_RULES:
        assert f"sudo iptables -I DOCKER-USER {rule}" in found.fix
        for command in ("sudo iptables", "ExecStartPost=/usr/sbin/iptables"):
            assert f"{command} -I DOCKER-USER {rule}\n" in security


@pytest.mark.parametrize(
    "other",
    [{"version": "28.0.0"}, {"version": "29.1.2"}, {"rootless": True}, {"here": False}, {"provider": "WSL"}],
)
def test_neighbours_do_not_reach_other_engines(other):
    engine = {"here": True, "provider": "", "rootless": False, "version": "26.1.5"}
    assert preflight.neighbours(engine | other) == []


def test_a_low_map_count_is_a_warning(tmp_path):
    source = tmp_path / "max_map_count"
    source.write_text("65530\n")
    found = preflight.map_count({"same_kernel": True}, ["elasticsearch"], 262144, source)
    assert found[0].level == preflight.WARNING
    assert "sudo sysctl -w vm.max_map_count=262144" in found[0].fix
    assert preflight.map_count({"same_kernel": True}, ["postgres"], 262144, source) == []
    assert preflight.map_count({"same_kernel": True}, ["elasticsearch"], 65530, source) == []
    assert preflight.map_count({"same_kernel": True}, ["elasticsearch"], 262144, tmp_path / "absent") == []


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_in_use_is_an_error_with_the_process(listener):
    found = preflight.ports(environment(components={"db": component(listener)}), [])
    assert len(found) == 1
    assert f"port {listener} (for db) is already in use by " in found[0].text
    assert f"(pid {os.getpid()})" in found[0].text


def test_a_port_of_the_instance_is_accepted(listener):
    ours = {"Names": ["/lab-db"], "Labels": {"cloudlab.instance": "lab"}, "Ports": [{"PublicPort": listener}]}
    assert preflight.ports(environment(components={"db": component(listener)}), [ours]) == []


def test_a_port_of_another_container_is_an_error(listener):
    foreign = {"Names": ["/other"], "Labels": {}, "Ports": [{"PublicPort": listener}, {"PrivatePort": 80}]}
    found = preflight.ports(environment(components={"db": component(listener)}), [foreign])
    assert texts(found) == [f"error: port {listener} (for db) is already in use by the container other."]


def test_a_free_port_is_accepted():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    assert hostports.is_free(port)
    assert preflight.ports(environment(components={"db": component(port)}), []) == []


def test_unmanaged_objects_with_our_names_are_errors():
    found = preflight.unmanaged(
        environment(
            components={"db": component(1), "cache": component(2, "lab-cache")},
            networks={"backend": {"name": "lab-backend", "exists": True, "ours": False}},
            volumes={"lab-db-data": {"name": "lab-db-data", "exists": True, "ours": False}},
        ),
        [
            {"Names": ["/lab-db"], "Labels": {"cloudlab.instance": "other"}},
            {"Names": ["/lab-cache"], "Labels": {"cloudlab.instance": "lab"}},
        ],
    )
    assert texts(found) == [
        f"error: the {name} exists but is not managed by this environment."
        for name in ("container lab-db", "network lab-backend", "volume lab-db-data")
    ]


def network(subnet, name="lab-backend"):
    return {"name": name, "subnet": subnet, "exists": False, "ours": False}


@pytest.mark.parametrize(
    ("subnet", "message"),
    [
        ("172.30.5.0/24", "overlaps the network office (172.30.0.0/16)"),
        ("10.8.0.0/16", "overlaps the interface tun0 (10.8.3.0/24)"),
        ("172.30.5.1/24", "has host bits set"),
        ("10.9.0.0/16", None),
        ("", None),
    ],
)
def test_overlapping_subnets_are_errors(subnet, message):
    networks = [
        {"Name": "office", "IPAM": {"Config": [{"Subnet": "172.30.0.0/16"}]}},
        {"Name": "lab-backend", "IPAM": {"Config": [{"Subnet": "10.9.0.0/16"}]}},
        {"Name": "host", "IPAM": {"Config": None}},
    ]
    routes = [("tun0", "10.8.3.0/24"), ("br-1", "10.9.0.0/16")]
    found = preflight.subnets(environment(networks={"backend": network(subnet)}), networks, routes)
    assert len(found) == (1 if message else 0)
    if message:
        assert message in found[0].text


def test_overlapping_declared_subnets_are_an_error():
    ours = {"backend": network("10.9.0.0/16"), "database": network("10.9.1.0/24", "lab-database")}
    found = preflight.subnets(environment(networks=ours), [], [])
    assert texts(found) == [
        "error: the subnet 10.9.1.0/24 of networks.database overlaps networks.backend (10.9.0.0/16)."
    ]


def test_routes_are_parsed(tmp_path):
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
        "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\n"
        "tun0\t0003080A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n"
    )
    assert preflight.host_routes(table) == [("tun0", "10.8.3.0/24")]


def test_an_environment_of_docker_compose_is_an_error():
    [found] = preflight.unmanaged(environment(composed=True), [])
    assert found.level == preflight.ERROR
    assert "docker compose down" in str(found)
