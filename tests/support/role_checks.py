"""What every role must have done for a component, seen from this machine and from within the container."""

import functools

import testinfra
from documented import components
from lab import Lab
from testinfra.host import Host

# These need the root user, without any capability, to read files of the engine; their roles explain why.
RUN_AS_ROOT = {"otel-collector", "portainer"}


@functools.cache
def inside(container: str) -> Host:
    """The container as a host: its files, mounts and commands."""
    return testinfra.get_host(f"docker://{container}")


def container_of(lab: Lab, component: str) -> str:
    """The documented name of a component's container."""
    return f"{lab.instance}-{component}"


def port_of(lab: Lab, component: str, port: str) -> int:
    """The port on 127.0.0.1, as documented."""
    return components()[component].ports[port][0] + int(lab.values["port_offset"])


def assert_as_documented(host: Host, lab: Lab, component: str) -> None:
    """The container runs, is healthy, is on the documented networks, and listens on the documented ports only here."""
    documented = components()[component]
    container = host.docker(container_of(lab, component))
    assert container.is_running
    found = container.inspect()
    assert found["State"]["Health"]["Status"] == "healthy"
    networks = {f"{lab.instance}-{name}" for name in documented.networks}
    assert found["NetworkSettings"]["Networks"].keys() == networks
    for name in documented.ports:
        port = port_of(lab, component, name)
        assert host.socket(f"tcp://127.0.0.1:{port}").is_listening, name
        assert not host.socket(f"tcp://0.0.0.0:{port}").is_listening, name
    published = {key for key, sides in found["NetworkSettings"]["Ports"].items() if sides}
    assert published == {f"{inner}/tcp" for _, inner in documented.ports.values()}


def assert_confined(host: Host, lab: Lab, component: str) -> None:
    """The container has no privileges, limits, a read-only root, and is restarted."""
    found = host.docker(container_of(lab, component)).inspect()
    limits = found["HostConfig"]
    assert found["Config"]["User"].split(":")[0] not in ("", "0", "root") or component in RUN_AS_ROOT
    assert (limits["CapDrop"], limits["CapAdd"] or [], limits["Privileged"]) == (["ALL"], [], False)
    assert any(option.startswith("no-new-privileges") for option in limits["SecurityOpt"])
    assert (limits["ReadonlyRootfs"], limits["Init"]) == (True, True)
    assert limits["Memory"] > 0 and limits["MemorySwap"] == limits["Memory"]
    assert limits["NanoCpus"] > 0 and limits["PidsLimit"] > 0
    assert limits["LogConfig"]["Config"]["max-size"]
    assert found["Config"]["Healthcheck"]["Test"][0] in ("CMD", "CMD-SHELL")
    assert limits["RestartPolicy"]["Name"] == "unless-stopped"
    # An anonymous volume would be lost, or left behind, whenever the container is recreated.
    volumes = [mount["Name"] for mount in found["Mounts"] if mount["Type"] == "volume"]
    assert all(name.startswith(f"{lab.instance}-") for name in volumes), volumes
