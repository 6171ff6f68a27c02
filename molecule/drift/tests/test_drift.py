"""The next converge repairs each kind of drift of a container, and changes no other container."""

import pytest
from lab import pause
from recreate import recreate

NAME = "redis"
MEGABYTE = 1024**2


def paused(lab):
    pause(lab.client, lab.container(NAME))


def stopped(lab):
    lab.client.stop(lab.container(NAME))


def killed(lab):
    # The restart policy does not apply to what was killed by hand.
    lab.client.kill(lab.container(NAME))


def removed(lab):
    lab.client.remove_container(lab.container(NAME), force=True)


def on_another_network(lab):
    lab.client.connect_container_to_network(lab.container(NAME), "bridge")


def off_its_network(lab):
    lab.client.disconnect_container_from_network(lab.container(NAME), f"{lab.instance}-database")


def with_more_memory(lab):
    lab.client.update_container(lab.container(NAME), mem_limit=512 * MEGABYTE, memswap_limit=512 * MEGABYTE)


def without_its_restart_policy(lab):
    lab.client.update_container(lab.container(NAME), restart_policy={"Name": "no"})


def with_another_variable(lab):
    recreate(lab, NAME, lambda config: config["Env"].append("DEBUG=true"))


def with_a_capability(lab):
    recreate(lab, NAME, lambda config: config["HostConfig"].update(CapAdd=["SYS_TIME"]))


def with_another_mount(lab):
    recreate(lab, NAME, lambda config: config["HostConfig"].update(Binds=["/tmp:/mnt"]))


def open_to_the_world(lab):
    def publish(config):
        for bindings in config["HostConfig"]["PortBindings"].values():
            bindings[0]["HostIp"] = "0.0.0.0"

    recreate(lab, NAME, publish)


def without_the_label_of_its_specification(lab):
    recreate(lab, NAME, lambda config: config["Labels"].pop("cloudlab.spec"))


def with_an_edited_configuration(lab):
    for file in (lab.directory / "config" / NAME).iterdir():
        file.chmod(0o644)
        file.write_text(file.read_text() + "\n# edited by hand\n")


def without_its_configuration(lab):
    for file in (lab.directory / "config" / NAME).iterdir():
        file.unlink()


DRIFTS = [
    paused,
    stopped,
    killed,
    removed,
    on_another_network,
    off_its_network,
    with_more_memory,
    without_its_restart_policy,
    with_another_variable,
    with_a_capability,
    with_another_mount,
    open_to_the_world,
    without_the_label_of_its_specification,
    with_an_edited_configuration,
    without_its_configuration,
]


def essence(item):
    """What must be the same again, of the engine's description of a container."""
    host = item["HostConfig"]
    return {
        "running": item["State"]["Running"] and not item["State"]["Paused"],
        "labels": item["Config"]["Labels"],
        "variables": sorted(item["Config"]["Env"]),
        "networks": {name: network["NetworkID"] for name, network in item["NetworkSettings"]["Networks"].items()},
        "mounts": sorted((mount["Source"], mount["Destination"], mount["RW"]) for mount in item["Mounts"]),
        **{key: host[key] for key in ("Memory", "MemorySwap", "RestartPolicy", "CapAdd", "CapDrop", "PortBindings")},
    }


@pytest.fixture(scope="module")
def wanted(lab):
    """How Redis is after a converge."""
    lab.wait_until_healthy(NAME)
    return essence(lab.inspect(NAME))


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.__name__)
def test_drift_is_repaired(lab, wanted, drift):
    neighbour = lab.identities()["postgres"]
    drift(lab)
    assert lab.converge(NAME).changed > 0
    lab.wait_until_healthy(NAME)
    assert essence(lab.inspect(NAME)) == wanted
    assert lab.identities()["postgres"] == neighbour


def test_a_recreated_network_is_connected(lab, wanted):
    # Both containers were on it; the engine itself would say `network <id> not found` for ever.
    network = f"{lab.instance}-database"
    for name in ("postgres", NAME):
        lab.client.stop(lab.container(name))
        lab.client.disconnect_container_from_network(lab.container(name), network)
    labels = lab.client.inspect_network(network)["Labels"]
    lab.client.remove_network(network)
    lab.client.create_network(network, labels=labels)
    assert lab.converge("postgres", NAME).changed > 0
    lab.wait_until_healthy("postgres")
    lab.wait_until_healthy(NAME)
    joined = lab.inspect(NAME)["NetworkSettings"]["Networks"]
    assert {item["NetworkID"] for item in joined.values()} == {lab.client.inspect_network(network)["Id"]}


def test_a_container_that_is_not_ours_is_left_alone(lab):
    name = lab.container(NAME)
    image = lab.inspect(NAME)["Image"]
    lab.client.remove_container(name, force=True)
    foreign = lab.client.create_container(image, ["sleep", "60"], name=name, labels={"cloudlab.test": "foreign"})["Id"]
    try:
        run = lab.playbook("dev", "--tags", NAME, status=None)
        assert run.status != 0
        assert name in run.output
        assert lab.client.inspect_container(name)["Id"] == foreign
    finally:
        lab.client.remove_container(foreign, force=True)
    assert lab.converge(NAME).changed > 0


def test_after_all_that_there_is_nothing_to_do(lab):
    assert lab.converge("postgres", NAME).changed == 0
