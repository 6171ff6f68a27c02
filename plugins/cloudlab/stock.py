"""What the engine is and holds, asked once per run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cloudlab import machine
from cloudlab.engine import Engine


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
    facts = {
        "version": engine.version["Version"],
        "api": ".".join(map(str, engine.api)),
        **machine.engine_facts(answers["info"].result(), engine.address, machine.System.current()),
    }
    return facts, {name: answers[name].result() for name in ("containers", "networks", "volumes")}
