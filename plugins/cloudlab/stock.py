"""What the engine is and holds, asked once per run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any


def take(client: Any) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Facts of the engine behind `client` (docker.APIClient), and its containers, networks and volumes as listed.

    The lists belong together only as far as nobody else changes them meanwhile; the instance's lock sees to that for ours.
    """
    questions = {
        "info": client.info,
        "version": client.version,
        "containers": lambda: client.containers(all=True),
        "networks": client.networks,
        "volumes": lambda: client.volumes()["Volumes"] or [],
    }
    with ThreadPoolExecutor(len(questions)) as pool:
        answers = {name: pool.submit(question) for name, question in questions.items()}
    info, version = answers["info"].result(), answers["version"].result()
    engine = {
        "version": version["Version"],
        "api": version["ApiVersion"],
        "os": info["OSType"],
        "operating_system": info["OperatingSystem"],
        "arch": info["Architecture"],
        "kernel": info["KernelVersion"],
        "memory": info["MemTotal"],
        "cpus": info["NCPU"],
        "data_root": info["DockerRootDir"],
        "cgroup_version": info.get("CgroupVersion", "1"),
        "rootless": any("rootless" in option for option in info.get("SecurityOptions") or []),
    }
    return engine, {name: answers[name].result() for name in ("containers", "networks", "volumes")}
