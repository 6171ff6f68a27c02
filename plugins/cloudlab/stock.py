"""What the engine is and holds, asked once per run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cloudlab.engine import DEFAULT_ADDRESS, Engine

ROOT_GROUP = "0"


def take(engine: Engine) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Facts of the engine, and its containers, networks and volumes as its list calls answer.

    The lists belong together only as far as nobody else changes them meanwhile; the instance's lock sees to that for
    ours.
    """
    client = engine.client
    questions = {
        "info": client.info,
        "containers": lambda: client.containers(all=True),
        "networks": client.networks,
        "volumes": lambda: client.volumes()["Volumes"] or [],
    }
    with ThreadPoolExecutor(len(questions)) as pool:
        answers = {name: pool.submit(question) for name, question in questions.items()}
    info = answers["info"].result()
    facts = {
        **socket(engine.address, info, sys.platform),
        "version": engine.version["Version"],
        "api": ".".join(map(str, engine.api)),
        "os": info["OSType"],
        "operating_system": info["OperatingSystem"],
        "arch": info["Architecture"],
        "kernel": info["KernelVersion"],
        "memory": info["MemTotal"],
        "cpus": info["NCPU"],
        "data_root": info["DockerRootDir"],
        "cgroup_version": info.get("CgroupVersion", "1"),
        "rootless": _is_rootless(info),
    }
    return facts, {name: answers[name].result() for name in ("containers", "networks", "volumes")}


def socket(address: str, info: Mapping[str, Any], platform: str) -> dict[str, str]:
    """Where containers find the engine's socket, and the number of the group that may use it there.

    :param address: how this machine reaches the engine. :param info: its answer to GET /info.
    :param platform: `sys.platform` of this machine.

    An engine in a virtual machine has a socket of its own there, whatever this machine calls it; Docker Desktop's
    belongs to root's group, and those of others are not to be seen from here. A rootless engine takes its user for
    root. An engine that is reached by TCP may have none.
    """
    if not address.startswith("unix://"):
        return {"socket": "", "socket_group": ""}
    path = address.removeprefix("unix://")
    if platform == "darwin" or info["OperatingSystem"] == "Docker Desktop":
        return {"socket": DEFAULT_ADDRESS.removeprefix("unix://"), "socket_group": ROOT_GROUP}
    group = ROOT_GROUP if _is_rootless(info) else str(os.stat(path).st_gid)
    return {"socket": path, "socket_group": group}


def _is_rootless(info: Mapping[str, Any]) -> bool:
    return any("rootless" in option for option in info.get("SecurityOptions") or [])
