"""The state of the engine: its facts and objects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from docker import APIClient

from cloudlab.engine import Engine, machine
from cloudlab.model.environment import LABEL_INSTANCE

ROOT_GROUP = "0"


def take(engine: Engine) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Facts of the engine, and its lists of containers, networks and volumes.

    The lists are consistent for an instance while its lock is held.
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


def instance_containers(client: APIClient, instance: str) -> list[dict[str, Any]]:
    """The engine's list of an instance's containers, in any state."""
    return client.containers(all=True, filters={"label": f"{LABEL_INSTANCE}={instance}"})


def name_of(container: Mapping[str, Any]) -> str:
    """The name of a container in the engine's list."""
    return container["Names"][0].lstrip("/")


def socket_group(facts: Mapping[str, Any]) -> str:
    """The ID of the group with access to the engine's socket in a container; empty if there is no socket.

    Docker Desktop's socket belongs to root's group in its virtual machine; those of other virtual machines are unknown.
    A rootless engine maps its user to root.
    """
    if not facts["socket"]:
        return ""
    return str(os.stat(facts["socket"]).st_gid) if facts["here"] and not facts["rootless"] else ROOT_GROUP
