"""The options of a container: how each is read, and its default.

`OPTIONS` names them all. Parsers return the normal form (sizes in bytes, cpus in billionths, durations in nanoseconds)
or raise ValueError with the reason; those of single values are in `values`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudlab.containers import values

MOUNT_DEFAULTS: dict[str, Any] = {"read_only": False, "tmpfs_size": 0, "tmpfs_mode": None, "tmpfs_options": []}


def _mount(value: Any) -> dict[str, Any]:
    mount = _MOUNT_FIELDS(value)
    kind = mount.setdefault("type", "volume")
    mount = {**MOUNT_DEFAULTS, **mount}
    if not mount.get("on_engine"):
        # Left out rather than false: a mount that does not use it keeps its hash.
        mount.pop("on_engine", None)
    elif kind != "bind":
        raise ValueError(f"on_engine on a {kind}; only the source of a bind is a path")
    if kind == "tmpfs":
        if mount.get("source"):
            raise ValueError("a tmpfs has no source")
        mount["source"] = ""
        if mount["read_only"]:
            raise ValueError("a read-only tmpfs has no purpose")
        return mount
    if not mount.get("source"):
        raise ValueError(f"source is missing; without it the {kind} would be anonymous")
    if any(mount[key] != MOUNT_DEFAULTS[key] for key in ("tmpfs_size", "tmpfs_mode", "tmpfs_options")):
        raise ValueError(f"tmpfs options on a {kind}")
    mount["source"] = (
        os.path.normpath(values.absolute(mount["source"])) if kind == "bind" else values.name(mount["source"])
    )
    return mount


def _tmpfs_option(value: Any) -> str:
    if isinstance(value, Mapping) and len(value) == 1:
        [(key, setting)] = value.items()
        return values.text(key) if setting is None else f"{values.text(key)}={values.text(setting)}"
    return values.filled(value)


_MOUNT_FIELDS = values.fields(
    {
        "type": values.one_of("volume", "bind", "tmpfs"),
        "source": values.text,
        "target": values.absolute,
        "read_only": values.boolean,
        "on_engine": values.boolean,
        "tmpfs_size": values.size,
        "tmpfs_mode": values.mode,
        "tmpfs_options": values.set_of(_tmpfs_option),
    },
    required=("target",),
)


def _mounts(value: Any) -> list[dict[str, Any]]:
    mounts = values.list_of(_mount)(value)
    refuse_twice([mount["target"] for mount in mounts], "is mounted twice")
    return sorted(mounts, key=lambda mount: mount["target"])


def _network(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = {"name": value}
    return _NETWORK_FIELDS(value)


_NETWORK_FIELDS = values.fields({"name": values.name, "aliases": values.set_of(values.host)}, required=("name",))


def _networks(value: Any) -> dict[str, list[str]]:
    """Network -> aliases, in the given order: the first one is the container's default. Repeated ones are merged."""
    networks: dict[str, list[str]] = {}
    for network in values.list_of(_network)(value):
        aliases = set(networks.get(network["name"], [])) | set(network.get("aliases", []))
        networks[network["name"]] = sorted(aliases)
    return networks


def _ports(value: Any) -> list[str]:
    ports = values.set_of(values.port)(value)
    refuse_twice([host_side(port) for port in ports], "is published twice")
    return ports


def host_side(published: str) -> str:
    address, host, inside = values.split_port(published)
    return f"{address}:{host}/{inside.partition('/')[2]}"


def _ulimits(value: Any) -> list[list]:
    limits = sorted(values.list_of(values.ulimit)(value))
    refuse_twice([limit[0] for limit in limits], "is limited twice")
    return [list(limit) for limit in limits]


def _health_test(value: Any) -> list[str]:
    if isinstance(value, str):
        return ["CMD-SHELL", values.filled(value)]
    test = values.list_of(values.text)(value)
    if not test or test[0] not in ("CMD", "CMD-SHELL", "NONE"):
        raise ValueError("a list must begin with CMD, CMD-SHELL or NONE")
    return test


_HEALTH_FIELDS = values.fields(
    {
        "test": _health_test,
        "interval": values.nanoseconds,
        "timeout": values.nanoseconds,
        "retries": values.integer,
        "start_period": values.nanoseconds,
        "start_interval": values.nanoseconds,
        "fallback_interval": values.nanoseconds,
    },
    required=("test",),
)


def refuse_twice(items: Sequence[str], complaint: str) -> None:
    """Raise ValueError for an item that occurs more than once."""
    for item in items:
        if items.count(item) > 1:
            raise ValueError(f"{item} {complaint}")


@dataclass(frozen=True)
class Option:
    """How an option is read, and its default."""

    parse: values.Parser
    default: Any = None


OPTIONS: dict[str, Option] = {
    "command": Option(values.list_of(values.text)),
    "entrypoint": Option(values.list_of(values.text)),
    "env": Option(values.environment, {}),
    "labels": Option(values.mapping, {}),
    "user": Option(values.text),
    "working_dir": Option(values.absolute),
    "hostname": Option(values.filled),
    "networks": Option(_networks, {}),
    "published_ports": Option(_ports, []),
    "mounts": Option(_mounts, []),
    "memory": Option(values.memory, 0),
    "memory_swap": Option(values.memory_swap, 0),
    "memory_reservation": Option(values.memory, 0),
    "cpus": Option(values.cpus, 0),
    "pids_limit": Option(values.pids, 0),
    "shm_size": Option(values.size, 0),
    "ulimits": Option(_ulimits, []),
    "cap_drop": Option(values.set_of(values.capability), []),
    "cap_add": Option(values.set_of(values.capability), []),
    "security_opts": Option(values.set_of(values.filled), []),
    "read_only": Option(values.boolean, False),
    "init": Option(values.boolean, False),
    "restart_policy": Option(values.one_of("no", "always", "on-failure", "unless-stopped"), "no"),
    "restart_retries": Option(values.integer, 0),
    "stop_signal": Option(values.filled),
    "stop_timeout": Option(values.seconds),
    "healthcheck": Option(_HEALTH_FIELDS),
    "log_driver": Option(values.filled),
    "log_options": Option(values.mapping, {}),
    "sysctls": Option(values.mapping, {}),
    "etc_hosts": Option(values.mapping, {}),
    "group_add": Option(values.set_of(values.filled), []),
}
DEFAULTS = {name: option.default for name, option in OPTIONS.items()}

# What the engine can change in place: never by itself a reason to recreate a container.
LIMITS = ("memory", "memory_swap", "memory_reservation", "cpus", "pids_limit")
RESTART = ("restart_policy", "restart_retries")
ADJUSTABLE = frozenset(("networks", *LIMITS, *RESTART))
