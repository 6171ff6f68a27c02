"""A container reaches what is on a network of its own, and nothing else; other machines reach nothing."""

import pytest

LABELS = {"cloudlab.test": "isolation"}
# Opens a TCP connection to $0:$1.
CONNECT = 'exec timeout 5 bash -c "exec 3<>/dev/tcp/$0/$1"'


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


def can_connect(lab, network: str, address: str, port: int) -> bool:
    """Whether a container on `network` can open a TCP connection."""
    networking = lab.client.create_networking_config({network: lab.client.create_endpoint_config()})
    container = lab.client.create_container(
        # Any image with a shell that can connect.
        lab.inspect("postgres")["Image"],
        entrypoint=["bash", "-c", CONNECT],
        command=[address, str(port)],
        labels=LABELS,
        networking_config=networking,
        host_config=lab.client.create_host_config(network_mode=network),
    )["Id"]
    try:
        lab.client.start(container)
        return lab.client.wait(container, timeout=30)["StatusCode"] == 0
    finally:
        lab.client.remove_container(container, force=True, v=True)


def address_of(lab, component: str, network: str) -> str:
    """The component's own address on a network of the instance."""
    return lab.inspect(component)["NetworkSettings"]["Networks"][f"{lab.instance}-{network}"]["IPAddress"]


def test_who_shares_the_database_network_reaches_postgres_by_name(lab, network_of):
    assert can_connect(lab, network_of("database"), "postgres", 5432)


@pytest.mark.parametrize("network", ["frontend", "backend", "monitoring"])
def test_postgres_is_out_of_reach_from_the_other_networks(lab, network_of, network):
    assert not can_connect(lab, network_of(network), "postgres", 5432)
    assert not can_connect(lab, network_of(network), address_of(lab, "postgres", "database"), 5432)


def test_kafka_is_out_of_reach_from_frontend(lab, network_of):
    assert can_connect(lab, network_of("backend"), "kafka", 29092)
    assert not can_connect(lab, network_of("frontend"), address_of(lab, "kafka", "backend"), 29092)


def test_every_published_port_is_bound_to_this_machine(lab):
    bindings = [
        binding["HostIp"]
        for item in lab.containers().values()
        for published in item["HostConfig"]["PortBindings"].values()
        for binding in published
    ]
    assert bindings
    assert set(bindings) == {"127.0.0.1"}
