"""The two sides of a comparison: the stores' specifications with other names, and as arguments of docker_container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudlab.containers import declaration, files, spec
from cloudlab.containers.payload import START_INTERVAL_API
from cloudlab.model.environment import LABEL_INSTANCE

ROLES = Path(__file__).resolve().parents[2] / "roles"

MANY = 26
# How far the ports of a side and of a copy are from those of the stores; no two of all these meet.
SIDE_PORTS = {"action": 0, "loop": 500}
COPY_PORTS = 10
# The process of the containers of the set `many`: nothing that would use the processor while others are measured.
ASLEEP = {
    "entrypoint": ["sleep"],
    "command": ["infinity"],
    "healthcheck": {"test": ["CMD", "true"], "interval": "1h", "fallback_interval": "1h"},
}
# What docker_container does not know: the order of starts, and what becomes of files.
OWN_KEYS = ("component", "needs", "secret_env", "files")


def side(stores: Iterable[Mapping[str, Any]], which: str, owner: str) -> list[dict[str, Any]]:
    """The specifications of one side, for the instance `owner`, whose name ends in the side's.

    :param stores: specifications as the stores' roles hand them to the action.
    :param which: `stores`, or `many`: MANY containers, the stores' in turn, asleep.
    """
    stores = list(stores)
    shift = SIDE_PORTS[owner.rpartition("-")[2]]
    if which == "stores":
        return [_renamed(store, owner, "", shift) for store in stores]
    numbered = ((stores[number % len(stores)], number // len(stores) + 1) for number in range(MANY))
    return [_renamed({**store, **ASLEEP}, owner, f"-{copy}", shift + COPY_PORTS * copy) for store, copy in numbered]


def _renamed(store: Mapping[str, Any], owner: str, suffix: str, shift: int) -> dict[str, Any]:
    """The specification with names and ports of its own; its templates are found without the role's help."""
    component = store["component"]
    instance = store["name"].removesuffix(f"-{component}")
    templates = ROLES / component / "templates"

    def own(name: str) -> str:
        return owner + name.removeprefix(instance)

    return {
        **store,
        "name": f"{own(store['name'])}{suffix}",
        "component": f"{component}{suffix}",
        "needs": [f"{need}{suffix}" for need in store.get("needs", [])],
        "networks": [{**network, "name": own(network["name"])} for network in store["networks"]],
        "published_ports": [_shifted(port, shift) for port in store["published_ports"]],
        "mounts": [
            {**mount, "source": f"{own(mount['source'])}{suffix}"} if mount["type"] == "volume" else mount
            for mount in store["mounts"]
        ],
        "files": [
            {**file, "src": str(templates / file["src"])} if "src" in file else file for file in store.get("files", [])
        ],
    }


def _shifted(port: str, shift: int) -> str:
    """address:host:container/protocol with another port of the host."""
    address, host, inside = port.split(":")
    return f"{address}:{int(host) + shift}:{inside}"


def as_docker_container(
    loop: Iterable[Mapping[str, Any]],
    action: Iterable[Mapping[str, Any]],
    owners: Mapping[str, str],
    directory: str,
    api: str,
) -> list[dict[str, Any]]:
    """Arguments of docker_container for each specification of `loop`.

    :param action: the other side's specifications in the same order; their files, below `directory`, are mounted here.
    :param owners: {action, loop}: the sides' instances.
    :param api: version of the Engine API, as in 1.41.
    """
    parsed = declaration.parse(list(action), owners["action"])
    placed = files.prepare(parsed, Path(directory), lambda *_: "", planning=True)
    version = tuple(map(int, api.split(".")))
    return [_arguments(own, other.files, owners["loop"], version) for own, other in zip(loop, placed, strict=True)]


def _arguments(own: Mapping[str, Any], mounted: Iterable[spec.File], owner: str, api: tuple[int, ...]) -> dict:
    labels = {LABEL_INSTANCE: owner}
    arguments = {key: value for key, value in own.items() if key not in OWN_KEYS and key != "mounts"}
    # Written as an empty list it is taken for the image's own command, which an entrypoint makes void: never equal.
    if not own["command"]:
        del arguments["command"]
    temporary = [mount for mount in own["mounts"] if mount["type"] == "tmpfs"]
    arguments["mounts"] = [{**mount, "labels": labels} for mount in own["mounts"] if mount["type"] == "volume"]
    arguments["mounts"] += [
        {"type": "bind", "source": file.path, "target": file.target, "read_only": True} for file in mounted
    ]
    # As a mount it takes no options before API 1.46.
    arguments["tmpfs"] = [_tmpfs(mount) for mount in temporary]
    arguments["healthcheck"] = _healthcheck(own["healthcheck"], api)
    return arguments | {"labels": labels, "pull": "never", "state": "started"}


def _tmpfs(mount: Mapping[str, Any]) -> str:
    options = [str(option) for option in mount.get("tmpfs_options", [])]
    options += [f"{key}={mount[f'tmpfs_{key}']}" for key in ("size", "mode") if f"tmpfs_{key}" in mount]
    return f"{mount['target']}:{','.join(options)}"


def _healthcheck(check: Mapping[str, Any], api: tuple[int, ...]) -> dict[str, Any]:
    """As the action writes it: an engine without start intervals looks at the fallback interval all the time."""
    known = {key: value for key, value in check.items() if key != "fallback_interval"}
    if api < START_INTERVAL_API:
        known.pop("start_interval", None)
        known["interval"] = check.get("fallback_interval", check["interval"])
    return known
