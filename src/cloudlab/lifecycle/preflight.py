"""Everything a run rests on, checked before anything is changed.

Every check returns its findings; none stops another.
"""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudlab.engine import machine
from cloudlab.engine import ports as hostports
from cloudlab.model import environment as environments
from cloudlab.model import sizes

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: what and where, and how to mend it. An error stops the run, a warning is only said."""

    level: str
    text: str
    fix: str

    def __str__(self) -> str:
        return f"{self.text} {self.fix}"


def inspect(environment: Mapping[str, Any], stock: Mapping[str, Any], needs: Mapping[str, Any]) -> list[Finding]:
    """All findings about the machine and the engine.

    :param environment: the variable `cloudlab`.
    :param stock: what the engine holds (`stock.take`).
    :param needs: {"memory": bytes, "disk": bytes, "map_count": number} that should be there at least.
    """
    engine = environment["engine"]
    return [
        *memory(engine, environment["components"], needs["memory"]),
        *disk(engine, needs["disk"]),
        *map_count(engine, environment["chosen"], needs["map_count"]),
        *ports(environment, stock["containers"]),
        *strangers(environment, stock["containers"]),
        *subnets(environment, stock["networks"], host_routes()),
        *logs(engine, environment["chosen"]),
    ]


def memory(engine: Mapping[str, Any], components: Mapping[str, Any], at_least: int) -> list[Finding]:
    """Whether the engine has the least memory, and whether the sum of all limits fits."""
    have = engine["memory"]
    fix = machine.more_memory(engine)
    if have < at_least:
        return [Finding(ERROR, f"memory: the engine has {sizes.show(have)}, {sizes.show(at_least)} are needed.", fix)]
    limits = sum(sizes.parse(entry["memory"]) for entry in components.values() if entry["memory"])
    if have < limits:
        text = f"memory: the engine has {sizes.show(have)}, the chosen components may use up to {sizes.show(limits)}."
        return [Finding(WARNING, text, fix)]
    return []


def disk(engine: Mapping[str, Any], at_least: int, usage: Callable[[str], Any] = shutil.disk_usage) -> list[Finding]:
    """Whether there is room where the engine keeps its data; not known when that is inside a virtual machine."""
    if not engine["here"]:
        return []
    place = engine["data_root"]
    try:
        free = usage(place).free
    except OSError:
        return []
    if free >= at_least:
        return []
    text = f"disk: {place} has {sizes.show(free)} free, {sizes.show(at_least)} are needed."
    return [Finding(ERROR, text, "Free some space; `docker system df` shows what the engine holds.")]


def map_count(
    engine: Mapping[str, Any],
    chosen: Iterable[str],
    at_least: int,
    source: Path = Path("/proc/sys/vm/max_map_count"),
) -> list[Finding]:
    """Whether the kernel lets Elasticsearch map its files; not known when it is another one than this machine's."""
    if "elasticsearch" not in chosen or not engine["same_kernel"] or not source.exists():
        return []
    have = int(source.read_text(encoding="ascii"))
    if have >= at_least:
        return []
    text = f"vm.max_map_count is {have}, Elasticsearch asks for {at_least}."
    return [
        Finding(WARNING, text, f"It runs, slower under load; mend it with: sudo sysctl -w vm.max_map_count={at_least}")
    ]


def logs(engine: Mapping[str, Any], chosen: Iterable[str]) -> list[Finding]:
    """Whether the collector can read the containers' logs."""
    if "otel-collector" not in chosen or engine["logs"]:
        return []
    return [
        Finding(
            WARNING,
            "logs: Docker Desktop keeps them where no distribution of WSL reaches them; they cannot be searched.",
            "./scripts/logs.sh shows them all the same; an engine in this distribution (docker.io) has no such limit.",
        )
    ]


def ports(environment: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Ports that somebody else has. Those that this instance's own running containers publish are ours already."""
    publishers = _publishers(containers)
    findings = []
    for name, entry in environment["components"].items():
        for port in entry["ports"].values():
            publisher = publishers.get(port["host"])
            if publisher and _is_ours(publisher, environment["instance"]):
                continue
            if publisher:
                who = f"the container {publisher['Names'][0].lstrip('/')}"
            elif hostports.is_free(port["host"]):
                continue
            else:
                who = hostports.holder(port["host"])
            findings.append(
                Finding(
                    ERROR,
                    f"port {port['host']} (for {name}) is taken by {who}.",
                    "Stop that program, or choose another port or PORT_OFFSET in .env.",
                )
            )
    return findings


def strangers(environment: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Containers, networks and volumes that have our names but are not ours: they are never touched."""
    if environment["composed"]:
        return [
            Finding(
                ERROR,
                f"the environment {environment['instance']} was brought up by Docker Compose.",
                "Bring it down first: docker compose down; or choose another CLOUDLAB_INSTANCE in .env.",
            )
        ]
    by_name = {name.lstrip("/"): item for item in containers for name in item["Names"]}
    findings = []
    for entry in environment["components"].values():
        found = by_name.get(entry["container"])
        if found and not _is_ours(found, environment["instance"]):
            findings.append(_stranger("container", entry["container"], f"docker rm -f {entry['container']}"))
    for network in environment["networks"].values():
        if network["exists"] and not network["ours"]:
            findings.append(_stranger("network", network["name"], f"docker network rm {network['name']}"))
    for volume in environment["volumes"].values():
        if volume["exists"] and not volume["ours"]:
            findings.append(_stranger("volume", volume["name"], f"docker volume rm {volume['name']}"))
    return findings


def subnets(
    environment: Mapping[str, Any], networks: Iterable[Mapping[str, Any]], routes: Iterable[tuple[str, str]]
) -> list[Finding]:
    """Subnets that the user chose and that collide: with each other, with other networks, or with the machine's routes.

    :param routes: (interface, subnet in CIDR) of the machine; the engine's own bridges are left out by their subnets.
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
            wanted = ipaddress.ip_network(network["subnet"])
        except ValueError as error:
            findings.append(Finding(ERROR, f"networks.{key}: {error}.", fix))
            continue
        for who, subnet in taken:
            if wanted.overlaps(ipaddress.ip_network(subnet)):
                findings.append(
                    Finding(ERROR, f"the subnet {wanted} of networks.{key} overlaps {who} ({subnet}).", fix)
                )
        taken.append((f"networks.{key}", network["subnet"]))
    return findings


def host_routes(table: Path = Path("/proc/net/route")) -> list[tuple[str, str]]:
    """(interface, IPv4 subnet) of the machine's routes but the default one; none where there is no such table."""
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


def _is_ours(container: Mapping[str, Any], instance: str) -> bool:
    return (container.get("Labels") or {}).get(environments.LABEL_INSTANCE) == instance


def _stranger(what: str, name: str, command: str) -> Finding:
    return Finding(
        ERROR,
        f"there is a {what} called {name} that does not belong to this environment.",
        f"It is not touched. If nobody needs it: {command}; or choose another CLOUDLAB_INSTANCE in .env.",
    )
