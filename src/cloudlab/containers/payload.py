"""The bodies of requests to the Engine API, above all of POST /containers/create."""

from collections.abc import Mapping
from typing import Any

from cloudlab.containers.spec import Spec
from cloudlab.containers.values import split_port
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE

START_INTERVAL_API = (1, 44)


def create(spec: Spec, api: tuple[int, int]) -> dict[str, Any]:
    """The body that creates a container in its first network; the others are connected afterwards."""
    options = spec.options
    body = {
        "Image": spec.image,
        "Cmd": options["command"],
        "Entrypoint": options["entrypoint"],
        "Env": [f"{key}={value}" for key, value in options["env"].items()],
        "Labels": spec.labels,
        "User": options["user"],
        "WorkingDir": options["working_dir"],
        "Hostname": options["hostname"],
        "StopSignal": options["stop_signal"],
        "StopTimeout": options["stop_timeout"],
        "Healthcheck": healthcheck(options["healthcheck"], api),
        "ExposedPorts": {split_port(port)[2]: {} for port in options["published_ports"]},
        "HostConfig": _host_config(spec),
        "NetworkingConfig": {
            "EndpointsConfig": {name: {"Aliases": aliases} for name, aliases in _first(options["networks"])}
        },
    }
    return {key: value for key, value in body.items() if value is not None}


def _host_config(spec: Spec) -> dict[str, Any]:
    options = spec.options
    config = {
        "NetworkMode": next((name for name, _ in _first(options["networks"])), "none"),
        "PortBindings": port_bindings(options["published_ports"]),
        "Mounts": [_mount(spec, mount) for mount in spec.mounts if mount["type"] != "tmpfs"],
        "Tmpfs": {mount["target"]: tmpfs_options(mount) for mount in spec.mounts if mount["type"] == "tmpfs"},
        "ShmSize": options["shm_size"] or None,
        "Ulimits": [{"Name": name, "Soft": soft, "Hard": hard} for name, soft, hard in options["ulimits"]],
        "CapDrop": options["cap_drop"],
        "CapAdd": options["cap_add"],
        "SecurityOpt": options["security_opts"],
        "ReadonlyRootfs": options["read_only"],
        "Init": options["init"],
        "LogConfig": {"Type": options["log_driver"], "Config": options["log_options"]}
        if options["log_driver"]
        else None,
        "Sysctls": options["sysctls"],
        "ExtraHosts": [f"{host}:{address}" for host, address in options["etc_hosts"].items()],
        "GroupAdd": options["group_add"],
        **limits(options),
    }
    return {key: value for key, value in config.items() if value is not None}


def limits(options: Mapping[str, Any]) -> dict[str, Any]:
    """The limits and the restart policy, which can be changed in place."""
    memory = options["memory"]
    return {
        "Memory": memory,
        # Set even to the engine's default: an update that raises memory above it would be refused.
        "MemorySwap": options["memory_swap"] or 2 * memory,
        "MemoryReservation": options["memory_reservation"],
        "NanoCpus": options["cpus"],
        "PidsLimit": options["pids_limit"] or -1,
        "RestartPolicy": {"Name": options["restart_policy"], "MaximumRetryCount": options["restart_retries"]},
    }


def port_bindings(published: list[str]) -> dict[str, list[dict[str, str]]]:
    """Published ports by container port, in the form of the engine's API."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in published:
        address, host, inside = split_port(port)
        bindings.setdefault(inside, []).append({"HostIp": address, "HostPort": host})
    return bindings


def tmpfs_options(mount: Mapping[str, Any]) -> str:
    """A tmpfs's mount options, for HostConfig.Tmpfs: before API 1.46, Mounts accepts only size and mode."""
    options = list(mount["tmpfs_options"])
    if mount["tmpfs_size"]:
        options.append(f"size={mount['tmpfs_size']}")
    if mount["tmpfs_mode"] is not None:
        options.append(f"mode={mount['tmpfs_mode']:o}")
    return ",".join(options)


def healthcheck(check: Mapping[str, Any] | None, api: tuple[int, int]) -> dict[str, Any] | None:
    """A health check for an engine of this API version.

    Before 1.44 there is no start interval; the fallback interval is used instead.
    """
    if check is None:
        return None
    body = {
        "Test": check["test"],
        "Interval": check.get("interval", 0),
        "Timeout": check.get("timeout", 0),
        "Retries": check.get("retries", 0),
        "StartPeriod": check.get("start_period", 0),
    }
    if api >= START_INTERVAL_API:
        return body | {"StartInterval": check.get("start_interval", 0)}
    return body | {"Interval": check.get("fallback_interval") or body["Interval"]}


def _mount(spec: Spec, mount: Mapping[str, Any]) -> dict[str, Any]:
    body = {"Type": mount["type"], "Source": mount["source"], "Target": mount["target"], "ReadOnly": mount["read_only"]}
    if mount["type"] == "volume":
        # The engine recreates a volume that was removed; it must be labelled as this instance's.
        body["VolumeOptions"] = {"Labels": {LABEL_INSTANCE: spec.instance, LABEL_COMPONENT: spec.component}}
    return body


def _first(networks: Mapping[str, list[str]]) -> list[tuple[str, list[str]]]:
    """The network that the container is created in, if it has one."""
    return list(networks.items())[:1]
