"""Differences between machines and engines. Pure.

The engine runs on this machine, or in a virtual machine that shares folders and ports with it: Docker Desktop, Colima,
OrbStack. Containers mount paths of the checkout, which is shared, or the engine's own paths, which only the engine has.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

# Where an engine on Linux listens, also inside of virtual machines.
SOCKET = "/var/run/docker.sock"

DESKTOP = "Docker Desktop"
COLIMA = "Colima"
ORBSTACK = "OrbStack"
WSL = "WSL"

_MORE_MEMORY = {
    COLIMA: "Give the engine more memory (`colima stop && colima start --memory 8`)",
    ORBSTACK: "Give the engine more memory (`orb config set memory_mib 8192`)",
    DESKTOP: "Give the engine more memory (Docker Desktop: Settings, Resources)",
    WSL: r"Give WSL more memory (`memory=8GB` below `[wsl2]` in %UserProfile%\.wslconfig, then `wsl --shutdown`)",
}


class System(NamedTuple):
    """This machine as reported by uname: kernel ("Linux", "Darwin"), host name, and the kernel's release."""

    kernel: str
    node: str
    release: str

    @classmethod
    def current(cls) -> System:
        """The machine that this runs on."""
        return cls(*os.uname()[:3])

    @property
    def is_wsl(self) -> bool:
        """Whether this is a WSL distribution on Windows."""
        return _is_wsl(self.release)


def engine_facts(info: Mapping[str, Any], address: str, system: System) -> dict[str, Any]:
    """Facts of the engine, from its answer to GET /info.

    - provider: the product whose virtual machine the engine runs in, "WSL", or empty.
    - here: whether it runs on this machine, so that its paths are paths of this machine.
    - same_kernel: whether it runs on this machine's kernel.
    - socket: the engine's socket as containers mount it; empty where they cannot use it: an engine that is reached by
      TCP, or that remaps users.
    - logs: the folder of the containers' logs as containers mount it; empty where they cannot read it.
    - selinux: whether containers can only read files that are labelled for them.
    - remaps_users: whether the users of containers are others on the engine's machine (userns-remap).
    - remote: the address of an engine on another machine; empty otherwise.
    - cpu_limit: whether it supports CPU limits; otherwise it refuses a container with one.
    - memory_limit: whether it enforces memory limits; otherwise it ignores them.
    """
    options = " ".join(info.get("SecurityOptions") or [])
    provider = _provider(info)
    same_kernel = info["KernelVersion"] == system.release
    here = same_kernel and info["Name"] == system.node
    socket = address.removeprefix("unix://") if here else SOCKET
    # Socket and log files belong to root of the machine, which is nobody in containers of such an engine.
    remaps_users = "name=userns" in options
    # In a WSL distribution, mounts are resolved in the distribution, which does not have the engine's folder.
    hidden = remaps_users or (provider == DESKTOP and system.is_wsl)
    return {
        "os": info["OSType"],
        "operating_system": info["OperatingSystem"],
        "arch": info["Architecture"],
        "kernel": info["KernelVersion"],
        "memory": info["MemTotal"],
        "cpus": info["NCPU"],
        "data_root": info["DockerRootDir"],
        "cgroup_version": info.get("CgroupVersion", "1"),
        "rootless": "name=rootless" in options,
        "selinux": "name=selinux" in options,
        "remaps_users": remaps_users,
        "remote": "" if here or _is_local(address) else address,
        "cpu_limit": info.get("CpuCfsQuota", True),
        "memory_limit": info.get("MemoryLimit", True),
        "provider": provider,
        "here": here,
        "same_kernel": same_kernel,
        "socket": socket if address.startswith("unix://") and not remaps_users else "",
        "logs": "" if hidden else f"{info['DockerRootDir']}/containers",
    }


def _is_local(address: str) -> bool:
    """Whether the address is a socket, or a port of this machine, which may be that of a virtual machine."""
    host = urlsplit(address).hostname or ""
    return address.startswith(("unix://", "npipe://")) or host in ("localhost", "::1") or host.startswith("127.")


def _provider(info: Mapping[str, Any]) -> str:
    if info["OperatingSystem"] == DESKTOP:
        return DESKTOP
    if "orbstack" in info["KernelVersion"]:
        return ORBSTACK
    # Its profiles are called colima-<name>.
    if info["Name"].partition("-")[0] == "colima":
        return COLIMA
    return WSL if _is_wsl(info["KernelVersion"]) else ""


def _is_wsl(kernel: str) -> bool:
    return "microsoft" in kernel.lower()


def more_memory(engine: Mapping[str, Any]) -> str:
    """How to give the engine more memory, and the alternative."""
    # On Windows the memory is WSL's, whatever engine runs in it.
    provider = WSL if _is_wsl(engine.get("kernel", "")) else engine.get("provider", "")
    command = _MORE_MEMORY.get(provider, "Give this machine more memory")
    return f"{command}, or set CLOUDLAB_PROFILE=lite in .env."


def reader(owner: int, group: int, engine: Mapping[str, Any], user: int) -> tuple[int, int]:
    """The user and group in containers that may read what `owner` and `group` may read on this machine.

    A rootless engine maps its user to root in containers, and all other users to unprivileged ones.
    """
    return (0, 0) if engine.get("rootless") and owner == user else (owner, group)


def start_hint(address: str, system: System, systemd: bool) -> str:
    """The command that starts the engine at `address`."""
    path = address.removeprefix("unix://")
    for part, command in _STARTERS.items():
        if part in path:
            return f"Start it: {command}."
    if path != SOCKET:
        return "Start the engine that listens there, or unset DOCKER_HOST and DOCKER_CONTEXT to use the local one."
    if system.kernel == "Darwin":
        return (
            "Start Docker Desktop (`open -a Docker`), Colima (`colima start`) or OrbStack (`orb start`); "
            "without any of them: ./scripts/setup.sh lists what to install."
        )
    if systemd:
        return "Start it: `sudo systemctl start docker`."
    desktop = " In Windows: Docker Desktop, with its WSL integration for this distribution." if system.is_wsl else ""
    return (
        "Start it: `sudo service docker start`, or `sudo dockerd` where there is no service; "
        f"without an engine: ./scripts/setup.sh.{desktop}"
    )


# Part of a socket's path -> the command that starts its engine.
_STARTERS = {
    "/.docker/run/": "`open -a Docker`",
    "/.docker/desktop/": "`systemctl --user start docker-desktop`",
    "/.colima/": "`colima start`",
    "/.orbstack/": "`orb start`",
    "/.rd/": "Rancher Desktop",
    "/run/user/": "`systemctl --user start docker`",
}
