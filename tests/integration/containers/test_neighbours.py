"""Whether a neighbour in the network reaches a port that is published on 127.0.0.1: engines before 28 let it, and the
rules that preflight shows prevent it.

The neighbour is a network namespace at the other end of a cable.
"""

import os
import subprocess

import pytest

from cloudlab.lifecycle import preflight

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can add a network namespace and firewall rules")

NEIGHBOUR, OURS, THEIRS = "cloudlab-test", "cl-test0", "cl-test1"
# A network for documentation, RFC 5737.
HOST, ADDRESS = "198.51.100.1", "198.51.100.2"
LINK = (
    f"ip netns add {NEIGHBOUR}",
    f"ip link add {OURS} type veth peer name {THEIRS} netns {NEIGHBOUR}",
    f"ip address add {HOST}/30 dev {OURS}",
    f"ip link set {OURS} up",
    f"ip -n {NEIGHBOUR} address add {ADDRESS}/30 dev {THEIRS}",
    f"ip -n {NEIGHBOUR} link set {THEIRS} up",
    # The neighbour sends packets for 127.0.0.1, and those for our containers, to us.
    f"ip -n {NEIGHBOUR} route add default via {HOST}",
    f"ip -n {NEIGHBOUR} route add 127.0.0.1 via {HOST}",
    f"ip netns exec {NEIGHBOUR} sysctl -q net.ipv4.conf.all.route_localnet=1",
)


def run(command):
    subprocess.run(command.split(), check=True, timeout=30)


@pytest.fixture(scope="module")
def neighbour():
    subprocess.run(["ip", "netns", "delete", NEIGHBOUR], stderr=subprocess.DEVNULL, check=False, timeout=30)
    try:
        for command in LINK:
            run(command)
        yield
    finally:
        # The cable goes with it.
        run(f"ip netns delete {NEIGHBOUR}")


@pytest.fixture
def rules():
    """The rules of the warning, as it inserts them."""
    for rule in preflight.NEIGHBOUR_RULES:
        run(f"iptables -I DOCKER-USER {rule}")
    yield
    for rule in preflight.NEIGHBOUR_RULES:
        run(f"iptables -D DOCKER-USER {rule}")


@pytest.fixture
def ways(lab):
    """What the neighbour tries: the published port of 127.0.0.1, and the port of the container."""
    lab.up(lab.full(), state="healthy")
    [network] = lab.inspect()["NetworkSettings"]["Networks"].values()
    return [f"http://127.0.0.1:{lab.port}/", f"http://{network['IPAddress']}:8080/"]


def reached(urls):
    """Those that answer the neighbour."""
    curl = ["ip", "netns", "exec", NEIGHBOUR, "curl", "--silent", "--noproxy", "*", "--max-time", "3", "--output", "-"]
    return [url for url in urls if subprocess.run([*curl, url], capture_output=True, timeout=30).stdout == b"one"]


def test_the_warning_tells_the_truth(lab, ways, neighbour):
    version = lab.client.version()["Version"]
    facts = {"here": True, "provider": "", "rootless": False, "version": version}
    assert reached(ways) == (ways if preflight.neighbours(facts) else [])


def test_the_rules_close_it_for_neighbours_only(lab, ways, neighbour, rules):
    assert reached(ways) == []
    # This machine, and what is published for everyone on purpose.
    assert lab.page() == "one"
    published = {"published_ports": [f"0.0.0.0:{lab.port}:8080/tcp"]}
    lab.up(lab.full() | published, state="healthy")
    url = f"http://{HOST}:{lab.port}/"
    assert reached([url]) == [url]


def test_containers_still_reach_each_other(lab, ways, rules):
    lab.up(lab.spec("other"))
    assert lab.sh("wget -q -O - http://web:8080/", "other") == "one"
