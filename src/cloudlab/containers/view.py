"""Desired and actual state of a container as two dictionaries with the same keys.

`desired` and `actual` return views: option -> value. What the engine adds (the image's variables, defaults) is part of
the desired view, so that anything else in the actual view was changed by hand. An option that the specification leaves
to the engine, and whose value cannot be known, is not in the desired view and is not compared.
"""

from collections.abc import Mapping
from typing import Any

from cloudlab.containers import payload, rewrites
from cloudlab.containers.options import LIMITS, RESTART
from cloudlab.containers.spec import Spec
from cloudlab.containers.values import capability

View = dict[str, Any]

# Settings of HostConfig that no specification has: one that is set was changed by hand.
_UNMANAGED = (
    "Binds", "Devices", "DeviceRequests", "DeviceCgroupRules", "Dns", "DnsOptions", "DnsSearch", "Links",
    "VolumesFrom", "Privileged", "PidMode", "PublishAllPorts", "CpuShares", "CpuQuota", "CpuPeriod", "CpusetCpus",
    "CpusetMems", "BlkioWeight", "AutoRemove", "OomKillDisable",
)  # fmt: skip

# Options that the engine reports as they were specified.
_UNCHANGED = (
    "published_ports", "ulimits", "cap_drop", "cap_add", "security_opts", "read_only", "init", "sysctls", "etc_hosts",
    "group_add",
)  # fmt: skip


def desired(spec: Spec, image: Mapping[str, Any] | None, api: tuple[int, int]) -> View:
    """The desired state of a container of `image` (an inspected image; None when unknown)."""
    options = spec.options
    view: View = {name: options[name] for name in (*_UNCHANGED, *LIMITS, *RESTART)} | {
        "mounts": [_desired_mount(mount) for mount in spec.mounts],
        "networks": {name: {"aliases": aliases} for name, aliases in options["networks"].items()},
        "memory_swap": options["memory_swap"] or 2 * options["memory"],
        "other settings": {},
    }
    optional = ("hostname", "stop_timeout", "shm_size")  # by default set by the engine's configuration
    view |= {name: options[name] for name in optional if options[name]}
    if options["log_driver"]:
        view |= {"log_driver": options["log_driver"], "log_options": options["log_options"]}
    return view | _from_image(spec, image, api)


def _from_image(spec: Spec, image: Mapping[str, Any] | None, api: tuple[int, int]) -> View:
    """The options that the image has defaults for; without it, those that the specification sets."""
    options = spec.options
    if image is None:
        alone = ("user", "working_dir", "stop_signal", "entrypoint", "command")
        return {name: options[name] for name in alone if options[name] is not None}
    config = image.get("Config") or {}
    entrypoint, command = options["entrypoint"], options["command"]
    if not entrypoint:
        # The image's command belongs to the image's entry point only.
        command = command or config.get("Cmd")
    if entrypoint is None:
        entrypoint = config.get("Entrypoint")
    return {
        "image": image["Id"],
        "env": _variables(config.get("Env")) | options["env"],
        "labels": rewrites.without_added(config.get("Labels") or {}, spec.labels) | spec.labels,
        "user": _first(options["user"], config.get("User"), ""),
        "working_dir": _first(options["working_dir"], config.get("WorkingDir"), "/").rstrip("/"),
        "stop_signal": _first(options["stop_signal"], config.get("StopSignal"), "SIGTERM"),
        "entrypoint": list(entrypoint or []),
        "command": list(command or []),
        "healthcheck": _merged_health(payload.healthcheck(options["healthcheck"], api), config.get("Healthcheck")),
    }


def actual(container: Mapping[str, Any], spec: Spec) -> View:
    """The actual state of an inspected container, for a comparison with `spec`.

    What engines add (log options of their configuration, labels) is left out unless it is specified.
    """
    config, host = container["Config"], container["HostConfig"]
    restart = host.get("RestartPolicy") or {}
    log = host.get("LogConfig") or {}
    return {
        "image": container["Image"],
        "env": _variables(config.get("Env")),
        "labels": rewrites.without_added(config.get("Labels") or {}, spec.labels),
        "user": config.get("User") or "",
        "working_dir": (config.get("WorkingDir") or "/").rstrip("/"),
        "stop_signal": config.get("StopSignal") or "SIGTERM",
        "stop_timeout": config.get("StopTimeout"),
        "entrypoint": config.get("Entrypoint") or [],
        "command": config.get("Cmd") or [],
        "hostname": config.get("Hostname"),
        "healthcheck": _merged_health(config.get("Healthcheck"), None),
        "published_ports": _actual_ports(host.get("PortBindings")),
        "mounts": _actual_mounts(container, spec),
        "networks": _actual_networks(container),
        "shm_size": host.get("ShmSize") or 0,
        "ulimits": sorted([item["Name"], item["Soft"], item["Hard"]] for item in host.get("Ulimits") or []),
        "cap_drop": sorted(map(capability, host.get("CapDrop") or [])),
        "cap_add": sorted(map(capability, host.get("CapAdd") or [])),
        "security_opts": sorted(host.get("SecurityOpt") or []),
        "read_only": bool(host.get("ReadonlyRootfs")),
        "init": bool(host.get("Init")),
        "sysctls": host.get("Sysctls") or {},
        "etc_hosts": dict(item.split(":", 1) for item in host.get("ExtraHosts") or []),
        "group_add": sorted(host.get("GroupAdd") or []),
        "memory": host.get("Memory") or 0,
        "memory_swap": host.get("MemorySwap") or 0,
        "memory_reservation": host.get("MemoryReservation") or 0,
        "cpus": host.get("NanoCpus") or 0,
        "pids_limit": max(0, host.get("PidsLimit") or 0),
        "restart_policy": restart.get("Name") or "no",
        "restart_retries": restart.get("MaximumRetryCount") or 0,
        "log_driver": log.get("Type"),
        "log_options": {
            key: value for key, value in (log.get("Config") or {}).items() if key in spec.options["log_options"]
        },
        "other settings": {key: host[key] for key in _UNMANAGED if host.get(key)},
    }


def unenforceable(info: Mapping[str, Any]) -> frozenset[str]:
    """The limits that this engine ignores with a warning (GET /info): comparing them would always find a difference."""
    support = {
        "memory": "MemoryLimit",
        "memory_swap": "SwapLimit",
        "memory_reservation": "MemoryLimit",
        "cpus": "CpuCfsQuota",
        "pids_limit": "PidsLimit",
    }
    return frozenset(name for name in LIMITS if not info.get(support[name], True))


def _variables(items: list[str] | None) -> dict[str, str]:
    return dict(item.partition("=")[::2] for item in items or [])


def _first(*candidates: str | None) -> str:
    """The first that is set and not empty; the last one otherwise."""
    return next((item for item in candidates if item), candidates[-1] or "")


def _merged_health(check: Mapping[str, Any] | None, inherited: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A health check with the image's values as defaults, as the engine merges them; zeros are left out."""
    if not check and not inherited:
        return None
    keys = ("Test", "Interval", "Timeout", "Retries", "StartPeriod", "StartInterval")
    merged = {key: (check or {}).get(key) or (inherited or {}).get(key) for key in keys}
    merged = {key: value for key, value in merged.items() if value}
    return None if merged.get("Test") in (None, ["NONE"]) else merged


def _desired_mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    options = payload.tmpfs_options(mount) if mount["type"] == "tmpfs" else ""
    return _mount(mount["type"], mount["source"], mount["target"], mount["read_only"], options)


def _mount(kind: str, source: str, target: str, read_only: bool, options: str = "") -> dict[str, Any]:
    return {"type": kind, "source": source, "target": target, "read_only": bool(read_only), "options": options}


def _actual_mounts(container: Mapping[str, Any], spec: Spec) -> list[dict[str, Any]]:
    """All mounts, by target: those requested, and those that the engine added (anonymous volumes)."""
    host = container["HostConfig"]
    asked = [
        _mount(item["Type"], item.get("Source", ""), item["Target"], item.get("ReadOnly", False))
        for item in host.get("Mounts") or []
    ]
    asked += [_mount("tmpfs", "", target, False, options) for target, options in (host.get("Tmpfs") or {}).items()]
    targets = {item["target"] for item in asked}
    more = [
        _mount(item["Type"], item.get("Name") or item.get("Source", ""), item["Destination"], not item.get("RW", True))
        for item in container.get("Mounts") or []
        if item["Destination"] not in targets
    ]
    declared = {mount["target"]: mount["source"] for mount in spec.mounts if mount["type"] == "bind"}
    labels = container["Config"].get("Labels") or {}
    return sorted((_restored(mount, declared, labels) for mount in asked + more), key=lambda item: item["target"])


def _restored(mount: dict[str, Any], declared: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Any]:
    """The mount with the declared source, if the engine only reports it in another form."""
    source = declared.get(mount["target"])
    if mount["type"] != "bind" or source is None:
        return mount
    return mount | {"source": source} if rewrites.is_source(mount["source"], source, mount["target"], labels) else mount


def _actual_ports(bindings: Mapping[str, list[Mapping[str, str]] | None] | None) -> list[str]:
    ports = []
    for inside, sides in (bindings or {}).items():
        for side in sides or []:
            address = side.get("HostIp") or "0.0.0.0"  # noqa: S104 - the engine's default
            address = f"[{address}]" if ":" in address else address
            ports.append(f"{address}:{side.get('HostPort')}:{inside}")
    return sorted(ports)


def _actual_networks(container: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The networks by name with their aliases, without the container's short id and name, which the engine adds."""
    own = {container["Id"][:12], container["Name"].lstrip("/")}
    return {
        name: {"aliases": sorted(set(endpoint.get("Aliases") or []) - own)}
        for name, endpoint in _endpoints(container).items()
        if name != "none"
    }


def _endpoints(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return (container.get("NetworkSettings") or {}).get("Networks") or {}


def network_ids(container: Mapping[str, Any]) -> dict[str, str]:
    """The ids of the networks that the container was last connected to; empty for one that never started."""
    return {name: endpoint.get("NetworkID") or "" for name, endpoint in _endpoints(container).items()}


def volumes_without_mount(spec: Spec, image: Mapping[str, Any]) -> list[str]:
    """Volumes that the image declares and nothing is mounted on: each new container would get an anonymous one."""
    targets = {mount["target"] for mount in spec.mounts}
    declared = (image.get("Config") or {}).get("Volumes") or {}
    return sorted(path for path in declared if path.rstrip("/") not in targets)


def has_health(spec: Spec, image: Mapping[str, Any] | None, api: tuple[int, int]) -> bool:
    """Whether the container has a health check, its own or its image's."""
    config = (image or {}).get("Config") or {}
    check = payload.healthcheck(spec.options["healthcheck"], api)
    return _merged_health(check, config.get("Healthcheck")) is not None
