"""What the engine is and holds, asked once per run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cloudlab.engine import Engine, machine

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
    told = machine.engine_facts(answers["info"].result(), engine.address, machine.System.current())
    facts = {
        "version": engine.version["Version"],
        "api": ".".join(map(str, engine.api)),
        **told,
        "socket_group": socket_group(told),
    }
    return facts, {name: answers[name].result() for name in ("containers", "networks", "volumes")}


def socket_group(facts: Mapping[str, Any]) -> str:
    """The number of the group that may use the engine's socket in a container; empty where there is no socket.

    Docker Desktop's belongs to root's group in its virtual machine; those of others cannot be seen from here. A
    rootless engine takes its user for root.
    """
    if not facts["socket"]:
        return ""
    return str(os.stat(facts["socket"]).st_gid) if facts["here"] and not facts["rootless"] else ROOT_GROUP
