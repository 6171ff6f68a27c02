"""The preflight checks: they run before anything is changed, and report all problems at once."""

import ipaddress
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudlab.engine import machine
from cloudlab.engine import ports as hostports
from cloudlab.model import conditions, sizes
from cloudlab.model import environment as environments

ERROR = "error"
WARNING = "warning"

# The first that lets no neighbour reach ports published on 127.0.0.1 (moby/moby#49325), and the rules that do the same:
# no packet that was addressed to 127.0.0.1 is forwarded to a container, and none that was addressed to a container.
CLOSED_SINCE = 28
NEIGHBOUR_RULES = (
    "-o br-+ -m conntrack --ctorigdst 127.0.0.0/8 -j DROP",
    "-o br-+ ! -i br-+ -m conntrack --ctstate NEW -m conntrack ! --ctstate DNAT -j DROP",
)


@dataclass(frozen=True)
class Finding:
    """One problem: what, where, and how to fix it. An error stops the run, a warning does not."""

    level: str
    text: str
    fix: str

    def __str__(self) -> str:
        return f"{self.text} {self.fix}"


def inspect(environment: Mapping[str, Any], state: Mapping[str, Any], needs: Mapping[str, Any]) -> list[Finding]:
    """All findings about the machine and the engine.

    :param environment: the variable `cloudlab`.
    :param state: containers, networks and volumes of the engine (cloudlab.engine.state).
    :param needs: the required minimum, {"memory": bytes, "disk": bytes, "map_count": number}, and whether to warn about
        "neighbours".
    """
    engine = environment["engine"]
    return [
        *memory(engine, environment["components"], needs["memory"]),
        *disk(engine, needs["disk"]),
        *map_count(engine, environment["chosen"], needs["map_count"]),
        *place(engine),
        *users(engine),
        *limits(engine),
        *(neighbours(engine) if needs["neighbours"] else []),
        *ports(environment, state["containers"]),
        *unmanaged(environment, state["containers"]),
        *volumes(environment["components"], state["containers"]),
        *subnets(environment, state["networks"], host_routes()),
        *logs(engine, environment["chosen"]),
    ]


def memory(engine: Mapping[str, Any], components: Mapping[str, Any], at_least: int) -> list[Finding]:
    """Whether the engine has the required memory, and enough for the sum of all limits."""
    have = engine["memory"]
    fix = machine.more_memory(engine)
    if have < at_least:
        text = f"memory: the engine has {sizes.show(have)}, but {sizes.show(at_least)} is required."
        return [Finding(ERROR, text, fix)]
    limits = sum(sizes.parse(entry["memory"]) for entry in components.values() if entry["memory"])
    if have < limits:
        text = f"memory: the engine has {sizes.show(have)}, but the components can use up to {sizes.show(limits)}."
        return [Finding(WARNING, text, fix)]
    return []


def disk(engine: Mapping[str, Any], at_least: int, usage: Callable[[str], Any] = shutil.disk_usage) -> list[Finding]:
    """Whether the engine's data directory has enough free space; unknown if it is in a virtual machine."""
    if not engine["here"]:
        return []
    place = engine["data_root"]
    try:
        free = usage(place).free
    except OSError:
        return []
    if free >= at_least:
        return []
    text = f"disk: {place} has {sizes.show(free)} of free space, but {sizes.show(at_least)} is required."
    return [Finding(ERROR, text, "Free some space. `docker system df` shows what the engine uses.")]


def map_count(
    engine: Mapping[str, Any], chosen: Iterable[str], at_least: int, source: Path = Path("/proc/sys/vm/max_map_count")
) -> list[Finding]:
    """Whether the limit of memory maps suffices for Elasticsearch; unknown if the engine has another kernel."""
    if "elasticsearch" not in chosen or not engine["same_kernel"] or not source.exists():
        return []
    have = int(source.read_text(encoding="ascii"))
    if have >= at_least:
        return []
    text = f"vm.max_map_count is {have}, but Elasticsearch recommends {at_least}."
    fix = f"It is slower under load. To raise the limit: sudo sysctl -w vm.max_map_count={at_least}"
    return [Finding(WARNING, text, fix)]


def place(engine: Mapping[str, Any]) -> list[Finding]:
    """Whether the engine has the folders that containers mount."""
    if not engine["remote"]:
        return []
    return [
        Finding(
            WARNING,
            f"the engine at {engine['remote']} is on another machine, where the folders of this checkout must exist"
            " under the same paths, because containers mount them.",
            "Otherwise use an engine on this machine: unset DOCKER_HOST, or run `docker context use default`.",
        )
    ]


def users(engine: Mapping[str, Any]) -> list[Finding]:
    """Whether the users of containers have the rights of the same users on the engine's machine."""
    if not engine["remaps_users"]:
        return []
    return [
        Finding(
            WARNING,
            "the engine maps the users of containers to others (userns-remap), which can only read files that everyone"
            " may read: logs cannot be searched, the dashboard shows nothing, and Portainer cannot run.",
            "If a container lacks permissions, remove userns-remap from daemon.json and restart the engine. To read"
            " logs: ./scripts/logs.sh --source engine",
        )
    ]


def limits(engine: Mapping[str, Any]) -> list[Finding]:
    """Whether the engine enforces the components' limits."""
    if engine["memory_limit"]:
        return []
    return [
        Finding(
            WARNING,
            "limits: the engine ignores the memory limits of containers, because it has no access to cgroups.",
            "Everything works without them. A rootless engine needs a system with cgroup v2 and systemd:"
            " https://rootlesscontaine.rs/getting-started/common/cgroup2/",
        )
    ]


def neighbours(engine: Mapping[str, Any]) -> list[Finding]:
    """Whether other hosts in the network reach ports that are published on 127.0.0.1.

    They do not where the engine runs in a virtual machine, WSL's included, or does not own the machine's firewall.
    """
    major = engine["version"].partition(".")[0]
    if not engine["here"] or engine["provider"] or engine["rootless"] or not major.isdecimal():
        return []
    if int(major) >= CLOSED_SINCE:
        return []
    commands = " && ".join(f"sudo iptables -I DOCKER-USER {rule}" for rule in NEIGHBOUR_RULES)
    return [
        Finding(
            WARNING,
            f"other hosts in the network can reach ports that are published on 127.0.0.1, because the engine"
            f" {engine['version']} is older than {CLOSED_SINCE}.",
            f"Upgrade the engine, or run: {commands}. SECURITY.md shows how to keep these rules, and how to turn this"
            " warning off.",
        )
    ]


def logs(engine: Mapping[str, Any], chosen: Iterable[str]) -> list[Finding]:
    """Whether the collector can read the containers' logs."""
    # `users` warns of an engine that remaps users.
    if "otel-collector" not in chosen or engine["logs"] or engine["remaps_users"]:
        return []
    return [
        Finding(
            WARNING,
            "logs: they cannot be searched, because Docker Desktop stores them outside of this WSL distribution.",
            "Use ./scripts/logs.sh, or an engine in this distribution (package docker.io).",
        )
    ]


def ports(environment: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Ports that are used by anything but this instance's containers."""
    publishers = _publishers(containers)
    findings = []
    for name, entry in environment["components"].items():
        for port in entry["ports"].values():
            publisher = publishers.get(port["host"])
            if publisher and environments.belongs(publisher, environment["instance"]):
                continue
            if publisher:
                who = f"the container {environments.name_of(publisher)}"
            elif hostports.is_free(port["host"]):
                continue
            else:
                who = hostports.holder(port["host"])
            findings.append(
                Finding(
                    ERROR,
                    f"port {port['host']} (for {name}) is already in use by {who}.",
                    "Stop it, or set another port or PORT_OFFSET in .env.",
                )
            )
    return findings


def unmanaged(environment: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Containers, networks and volumes that have the names of this instance's but are not managed by it."""
    if environment["composed"]:
        return [
            Finding(
                ERROR,
                f"the environment {environment['instance']} was started by Docker Compose.",
                "Stop it with `docker compose down`, or set another CLOUDLAB_INSTANCE in .env.",
            )
        ]
    by_name = {name.lstrip("/"): item for item in containers for name in item["Names"]}
    findings = []
    for entry in environment["components"].values():
        found = by_name.get(entry["container"])
        if found and not environments.belongs(found, environment["instance"]):
            findings.append(_unmanaged("container", entry["container"], f"docker rm -f {entry['container']}"))
    for what in ("network", "volume"):
        for item in environment[f"{what}s"].values():
            if item["exists"] and not item["ours"]:
                findings.append(_unmanaged(what, item["name"], f"docker {what} rm {item['name']}"))
    return findings


def volumes(components: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Components that leave a volume, because other settings use it."""
    mounted = {mount.get("Name") for item in containers for mount in item.get("Mounts") or []}
    return [
        Finding(
            WARNING,
            f"{name}: the data in the volume {volume} is kept, but not used with the current settings.",
            f"To return to the data, set {conditions.shown(when)}.",
        )
        for name, entry in components.items()
        for volume, when in entry["excluded"]["volumes"].items()
        if volume in mounted
    ]


def subnets(
    environment: Mapping[str, Any], networks: Iterable[Mapping[str, Any]], routes: Iterable[tuple[str, str]]
) -> list[Finding]:
    """Declared subnets that overlap each other, other networks, or the machine's routes.

    :param routes: (interface, subnet in CIDR) of the machine; those of the engine's bridges are ignored.
    """
    ours = {network["name"] for network in environment["networks"].values()}
    taken = [(f"the network {item['Name']}", subnet) for item in networks for subnet in _subnets_of(item)]
    bridged = {subnet for _, subnet in taken}
    taken = [(who, subnet) for who, subnet in taken if who.rpartition(" ")[2] not in ours]
    taken += [(f"the interface {name}", subnet) for name, subnet in routes if subnet not in bridged]
    findings = []
    for key, network in environment["networks"].items():
        if not network["subnet"]:
            continue
        fix = f"Choose another subnet for networks.{key} in group_vars/all/catalogue.yml, or remove it there."
        try:
            declared = ipaddress.ip_network(network["subnet"])
        except ValueError as error:
            findings.append(Finding(ERROR, f"networks.{key}: {error}.", fix))
            continue
        for who, subnet in taken:
            if declared.overlaps(ipaddress.ip_network(subnet)):
                findings.append(
                    Finding(ERROR, f"the subnet {declared} of networks.{key} overlaps {who} ({subnet}).", fix)
                )
        taken.append((f"networks.{key}", network["subnet"]))
    return findings


def host_routes(table: Path = Path("/proc/net/route")) -> list[tuple[str, str]]:
    """(interface, IPv4 subnet) of the machine's routes except the default; none on systems without this table."""
    if not table.exists():
        return []
    routes = []
    for line in table.read_text(encoding="ascii").splitlines()[1:]:
        interface, destination, *_, mask = line.split()[:8]
        address, netmask = (
            ipaddress.ip_address(int.from_bytes(bytes.fromhex(text), "little")) for text in (destination, mask)
        )
        if int(netmask):
            routes.append((interface, str(ipaddress.ip_network(f"{address}/{netmask}", strict=False))))
    return routes


def _subnets_of(network: Mapping[str, Any]) -> list[str]:
    configs = (network.get("IPAM") or {}).get("Config") or []
    return [config["Subnet"] for config in configs if "." in config.get("Subnet", "")]


def _publishers(containers: Iterable[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    return {
        port["PublicPort"]: container
        for container in containers
        for port in container.get("Ports") or []
        if "PublicPort" in port
    }


def _unmanaged(what: str, name: str, command: str) -> Finding:
    return Finding(
        ERROR,
        f"the {what} {name} exists but is not managed by this environment.",
        f"If it is not needed, remove it with `{command}`; otherwise set another CLOUDLAB_INSTANCE in .env.",
    )
