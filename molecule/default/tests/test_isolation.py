"""A container reaches what is on a network of its own, and nothing else; other machines reach nothing."""

import pytest
from lab import ROOT

IMAGE = "cloudlab-test-busybox:1"
LABELS = {"cloudlab.test": "isolation"}
BUSYBOX = ROOT / ".cloudlab" / "test-tools" / "busybox"


@pytest.fixture(scope="module")
def busybox(lab, tmp_path_factory):
    """An image with nothing but a static busybox."""
    directory = tmp_path_factory.mktemp("busybox")
    (directory / "busybox").write_bytes(BUSYBOX.read_bytes())
    (directory / "busybox").chmod(0o755)
    (directory / "Dockerfile").write_text('FROM scratch\nCOPY busybox /busybox\nENTRYPOINT ["/busybox"]\n')
    for line in lab.client.build(path=str(directory), tag=IMAGE, rm=True, labels=LABELS, decode=True):
        assert "error" not in line, line
    return IMAGE


@pytest.fixture(scope="module")
def network_of(lab):
    """Full name of one of the instance's networks; made when no component of this run is on it."""
    made = []

    def name(network: str) -> str:
        full = f"{lab.instance}-{network}"
        if not lab.client.networks(names=[f"^{full}$"]):
            made.append(lab.client.create_network(full, labels=LABELS)["Id"])
        return full

    yield name
    for network in made:
        lab.client.remove_network(network)


def can_connect(lab, image: str, network: str, address: str, port: int) -> bool:
    """Whether a container on `network` can open a TCP connection."""
    networking = lab.client.create_networking_config({network: lab.client.create_endpoint_config()})
    container = lab.client.create_container(
        image,
        ["nc", "-z", "-w", "3", address, str(port)],
        labels=LABELS,
        networking_config=networking,
        host_config=lab.client.create_host_config(network_mode=network),
    )["Id"]
    try:
        lab.client.start(container)
        return lab.client.wait(container, timeout=30)["StatusCode"] == 0
    finally:
        lab.client.remove_container(container, force=True)


def address_of(lab, component: str, network: str) -> str:
    """The component's own address on a network of the instance."""
    return lab.inspect(component)["NetworkSettings"]["Networks"][f"{lab.instance}-{network}"]["IPAddress"]


def test_who_shares_the_database_network_reaches_postgres_by_name(lab, busybox, network_of):
    assert can_connect(lab, busybox, network_of("database"), "postgres", 5432)


@pytest.mark.parametrize("network", ["frontend", "backend", "monitoring"])
def test_postgres_is_out_of_reach_from_the_other_networks(lab, busybox, network_of, network):
    assert not can_connect(lab, busybox, network_of(network), "postgres", 5432)
    assert not can_connect(lab, busybox, network_of(network), address_of(lab, "postgres", "database"), 5432)


def test_kafka_is_out_of_reach_from_frontend(lab, busybox, network_of):
    assert can_connect(lab, busybox, network_of("backend"), "kafka", 29092)
    assert not can_connect(lab, busybox, network_of("frontend"), address_of(lab, "kafka", "backend"), 29092)


def test_every_published_port_is_bound_to_this_machine(lab):
    bindings = [
        binding["HostIp"]
        for item in lab.containers().values()
        for published in item["HostConfig"]["PortBindings"].values()
        for binding in published
    ]
    assert bindings
    assert set(bindings) == {"127.0.0.1"}
