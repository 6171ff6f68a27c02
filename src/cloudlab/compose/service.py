"""A container's specification as a Compose service. Pure functions over plain data.

Compose cannot write a configuration into a container with a read-only root file system. A service with configurations
is therefore not read-only; all other hardening is kept.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloudlab.compose import placeholders
from cloudlab.containers import payload
from cloudlab.containers.files import unique_name
from cloudlab.containers.spec import LABEL_CONTAINER
from cloudlab.model import settings
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE

_UNITS = {10**9: "s", 10**6: "ms", 1: "ns"}
_SIZES = {2**30: "g", 2**20: "m", 2**10: "k"}
# Options whose value is the same in Compose, with their name there.
_SAME = {
    "user": "user",
    "working_dir": "working_dir",
    "hostname": "hostname",
    "entrypoint": "entrypoint",
    "command": "command",
    "env": "environment",
    "published_ports": "ports",
    "sysctls": "sysctls",
    "etc_hosts": "extra_hosts",
    "group_add": "group_add",
    "cap_drop": "cap_drop",
    "cap_add": "cap_add",
    "security_opts": "security_opt",
    "init": "init",
    "stop_signal": "stop_signal",
    "pids_limit": "pids_limit",
}


class Octal(int):
    """A number that is written in octal: a file mode."""


@dataclass
class Part:
    """What one container adds to the document.

    configs: {name: {"content": text, "file": the file of the project with this content, if any}}.
    start_interval: options of the health check for Docker Engine 25 or newer.
    """

    key: str
    service: dict[str, Any]
    configs: dict[str, dict[str, str]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    start_interval: dict[str, Any] = field(default_factory=dict)


def translate(
    container: Mapping[str, Any], instance: str, folders: Mapping[str, Mapping[str, str]], shares: list[str]
) -> Part:
    """A described container.

    :param folders: directories of rendered files: {path: {name: text}}.
    :param shares: directories in memory that another container uses as well.
    """
    options = container["options"]
    key = own(container["name"], instance)
    part = Part(key, {"image": container["image"], "container_name": container["name"]})
    part.service |= {
        name: options[option] for option, name in _SAME.items() if options[option] not in (None, [], {}, 0)
    }
    if options["entrypoint"] == []:
        part.service["entrypoint"] = []
    part.service |= _limits(options)
    part.service["labels"] = {
        **options["labels"],
        LABEL_INSTANCE: instance,
        LABEL_COMPONENT: container["component"],
        LABEL_CONTAINER: container["name"],
    }
    _add_networks(part, options["networks"], instance)
    _add_health(part, options["healthcheck"])
    _add_mounts(part, options["mounts"], container, instance, folders, shares)
    targets = [file["target"] for file in container["files"]]
    for file in container["files"]:
        _add_config(part, unique_name(file["target"], targets), file)
    if options["read_only"] and not part.configs:
        part.service["read_only"] = True
    return part


def own(name: str, instance: str) -> str:
    """The name of an object without the prefix of the instance."""
    return name.removeprefix(f"{instance}-")


def duration(nanoseconds: int) -> str:
    """A duration in its largest whole unit."""
    unit = next(unit for unit in _UNITS if nanoseconds % unit == 0)
    return f"{nanoseconds // unit}{_UNITS[unit]}"


def size(octets: int) -> str:
    """An amount of memory in its largest whole unit."""
    unit = next((unit for unit in _SIZES if octets % unit == 0), 1)
    return f"{octets // unit}{_SIZES.get(unit, 'b')}"


def _limits(options: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if options["memory"]:
        swap = options["memory_swap"]
        found["mem_limit"] = size(options["memory"])
        found["memswap_limit"] = -1 if swap == -1 else size(swap or 2 * options["memory"])
    if options["memory_reservation"]:
        found["mem_reservation"] = size(options["memory_reservation"])
    if options["cpus"]:
        found["cpus"] = f"{options['cpus'] / 10**9:g}"
    if options["shm_size"]:
        found["shm_size"] = size(options["shm_size"])
    if options["ulimits"]:
        found["ulimits"] = {name: {"soft": soft, "hard": hard} for name, soft, hard in options["ulimits"]}
    if options["restart_policy"] != "no":
        retries = options["restart_retries"]
        found["restart"] = options["restart_policy"] + (f":{retries}" if retries else "")
    if options["stop_timeout"] is not None:
        found["stop_grace_period"] = f"{options['stop_timeout']}s"
    if options["log_driver"]:
        found["logging"] = {"driver": options["log_driver"], "options": options["log_options"]}
    return found


def _add_networks(part: Part, networks: Mapping[str, list[str]], instance: str) -> None:
    """The service's name is an implicit alias. The first network has the default route."""
    if not networks:
        part.service["network_mode"] = "none"
        return
    found: dict[str, Any] = {}
    for place, (name, aliases) in enumerate(networks.items()):
        more = [alias for alias in aliases if alias != part.key]
        entry: dict[str, Any] = {"aliases": more} if more else {}
        if place == 0 and len(networks) > 1:
            entry["priority"] = 1
        found[own(name, instance)] = entry or None
    part.service["networks"] = found if any(found.values()) else list(found)


def _add_health(part: Part, check: Mapping[str, Any] | None) -> None:
    """The intervals are those for engines before 25; those for newer ones are in `start_interval`."""
    if check is None:
        return
    times = {name: duration(check[name]) for name in ("interval", "timeout", "start_period") if check.get(name)}
    part.service["healthcheck"] = {"test": check["test"], **times}
    if check.get("retries"):
        part.service["healthcheck"]["retries"] = check["retries"]
    if check.get("fallback_interval"):
        part.service["healthcheck"]["interval"] = duration(check["fallback_interval"])
    if check.get("start_interval"):
        part.start_interval = {
            **({"interval": times["interval"]} if "interval" in times else {}),
            "start_interval": duration(check["start_interval"]),
        }


def _add_mounts(
    part: Part,
    mounts: list[Mapping[str, Any]],
    container: Mapping[str, Any],
    instance: str,
    folders: Mapping[str, Mapping[str, str]],
    shares: list[str],
) -> None:
    labels = {LABEL_INSTANCE: instance, LABEL_COMPONENT: container["component"]}
    for mount in mounts:
        target, source = mount["target"], mount["source"]
        if mount["type"] == "tmpfs" and target not in shares:
            options = payload.tmpfs_options(mount)
            part.service.setdefault("tmpfs", []).append(f"{target}:{options}" if options else target)
        elif mount["type"] == "tmpfs":
            name = f"{part.key}-{os.path.basename(target)}"
            driver = {"type": "tmpfs", "device": "tmpfs", "o": payload.tmpfs_options(mount)}
            part.volumes[name] = {"labels": labels, "driver_opts": driver}
            _add_volume(part, name, mount)
        elif mount["type"] == "volume":
            name = own(source, instance)
            part.volumes[name] = {"labels": labels}
            _add_volume(part, name, mount)
        elif source in folders:
            for file, content in folders[source].items():
                written = {"target": f"{target}/{file}", "mode": 0o444, "content": content, "source": None}
                _add_config(part, file, written)
        elif source.startswith(f"{placeholders.DIRECTORY}/"):
            # Ansible keeps it in the instance's directory; Compose would create it there as root.
            name = f"{part.key}-{os.path.basename(source)}"
            part.volumes[name] = {"labels": labels}
            _add_volume(part, name, mount)
        else:
            bind = {"type": "bind", "source": _on_host(source), "target": target}
            if mount["read_only"]:
                bind["read_only"] = True
            part.service.setdefault("volumes", []).append({**bind, "bind": {"create_host_path": False}})


def _add_volume(part: Part, name: str, mount: Mapping[str, Any]) -> None:
    suffix = ":ro" if mount["read_only"] else ""
    part.service.setdefault("volumes", []).append(f"{name}:{mount['target']}{suffix}")


def _on_host(source: str) -> str:
    """A path of the host; relative to the exported file if it is in the project."""
    path = Path(source)
    return f"./{path.relative_to(settings.ROOT)}" if path.is_relative_to(settings.ROOT) else source


def _add_config(part: Part, name: str, file: Mapping[str, Any]) -> None:
    key = f"{part.key}-{name}"
    part.configs[key] = {"content": file["content"]} | ({"file": file["source"]} if file["source"] else {})
    entry = {"source": key, "target": file["target"]}
    if file["mode"] != 0o444:
        entry["mode"] = Octal(file["mode"])
    part.service.setdefault("configs", []).append(entry)
