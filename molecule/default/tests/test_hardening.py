"""How the containers are confined, as the engine sees it."""

import pytest

STORES = ("postgres", "redis", "clickhouse", "elasticsearch", "zookeeper", "kafka")


@pytest.fixture(params=STORES)
def container(lab, request):
    """The engine's description of each store's container."""
    return lab.inspect(request.param)


def test_it_has_no_privileges(container):
    host = container["HostConfig"]
    assert container["Config"]["User"].split(":")[0] not in ("", "0", "root")
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
    assert not host["Privileged"]


def test_it_writes_to_its_volumes_only(container):
    assert container["HostConfig"]["ReadonlyRootfs"]
    # An anonymous volume would be lost, or left behind, whenever the container is made anew.
    names = [mount["Name"] for mount in container["Mounts"] if mount["Type"] == "volume"]
    assert all(name.startswith(container["Name"].lstrip("/")) for name in names), names


def test_its_resources_are_limited(container):
    host = container["HostConfig"]
    assert host["Memory"] > 0
    assert host["MemorySwap"] == host["Memory"]
    assert host["NanoCpus"] > 0
    assert host["PidsLimit"] > 0
    assert host["LogConfig"]["Config"]["max-size"]


def test_it_is_watched_and_comes_back(container):
    assert container["Config"]["Healthcheck"]["Test"][0] in ("CMD", "CMD-SHELL")
    assert container["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert container["HostConfig"]["Init"]
