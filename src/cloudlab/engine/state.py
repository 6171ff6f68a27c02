"""Facts and state of the engine, gathered once per run."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cloudlab.engine import Engine, machine

ROOT_GROUP = "0"


def gather(engine: Engine) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Facts of the engine, and its containers, networks and volumes as its list calls return them."""
    client = engine.client
    questions = {
        "info": client.info,
        "containers": lambda: client.containers(all=True),
        "networks": client.networks,
        "volumes": lambda: client.volumes()["Volumes"] or [],
    }
    with ThreadPoolExecutor(len(questions)) as pool:
        answers = {name: pool.submit(question) for name, question in questions.items()}
    known = machine.engine_facts(answers["info"].result(), engine.address, machine.System.current())
    facts = {
        "version": engine.version["Version"],
        "api": ".".join(map(str, engine.api)),
        **known,
        "socket_group": socket_group(known),
    }
    return facts, {name: answers[name].result() for name in ("containers", "networks", "volumes")}


def socket_group(facts: Mapping[str, Any]) -> str:
    """The id of the group that may use the engine's socket in a container; empty where there is no socket.

    Docker Desktop's belongs to the group root of its virtual machine, as is assumed of other virtual machines.
    """
    if not facts["socket"]:
        return ""
    if facts["rootless"]:
        return _docker_group()
    return str(os.stat(facts["socket"]).st_gid) if facts["here"] else ROOT_GROUP


def _docker_group() -> str:
    """The group that a rootless engine gives its socket, as seen in its containers: docker, or that of its user."""
    import grp

    try:
        return str(grp.getgrnam("docker").gr_gid)
    except KeyError:
        return ROOT_GROUP
