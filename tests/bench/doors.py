"""The two doors side by side: the playbooks, and Docker Compose with the exported files, over the same images."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import caches
import composed
from lab import Lab

from bench import runs
from bench.report import Figure, quotient
from bench.subject import CACHES, DEV, EVERYTHING, Bench
from cloudlab.images import references
from cloudlab.model import catalogue

# Images under the pinned names, of a registry that there is not: what is here already is not pulled.
MIRROR = "test-bench.invalid"
# Its port is nobody's but its own.
CHANGED = "ZOOKEEPER_PORT"
HEALTHY_SECONDS = 600

STEPS = {
    "first": "images and caches present, no containers, to all healthy",
    "again": "nothing to do",
    "changed": "one component changed",
    "teardown": "teardown with the data",
}


def doors(bench: Bench) -> Iterator[Figure]:
    """The same four steps through each door, one after the other."""
    bench.need(EVERYTHING)
    made = _tag(bench)
    try:
        with tempfile.TemporaryDirectory() as folder:
            taken = {"ansible": _by_ansible(bench), "compose": _by_compose(bench, Path(folder))}
    finally:
        for name in made:
            bench.lab.client.remove_image(name, noprune=True)
    for step, words in STEPS.items():
        figures = {
            door: Figure(f"{door}-{step}", f"{door}, {words}", "s", (seconds[step],)) for door, seconds in taken.items()
        }
        yield from figures.values()
        below = 1.0 if step == "first" else None
        yield quotient(f"ratio-doors-{step}", f"ansible to compose, {words}", *figures.values(), below)


def _tag(bench: Bench) -> list[str]:
    """Give the images that run the pinned names at MIRROR, and return these."""
    made = []
    entries, images = bench.lab.values["catalogue"], bench.lab.values["images"]
    for component, container in bench.lab.containers().items():
        if key := entries[component].get("image"):
            name = references.registry_reference(images[key], MIRROR)
            bench.lab.client.tag(container["Image"], *name.rsplit(":", 1))
            made.append(name)
    return list(dict.fromkeys(made))


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


# By the playbooks


def _by_ansible(bench: Bench) -> dict[str, float]:
    bench.forget()

    def converge(**settings: str) -> float:
        return runs.playbook(bench.lab.environ | {"CLOUDLAB_PROFILE": EVERYTHING} | settings, DEV).wall

    taken = {"first": converge(), "again": converge(), "changed": converge(**{CHANGED: _other_port(bench)})}
    for cache in CACHES:
        caches.copy(bench.lab.client, f"{bench.lab.instance}-{cache}", f"{bench.lab.instance}_{cache}", {})
    return taken | {"teardown": _timed(bench.remove)}


def _other_port(bench: Bench) -> str:
    return str(bench.lab.values[CHANGED.lower()] + 1)


# By Docker Compose


def _by_compose(bench: Bench, folder: Path) -> dict[str, float]:
    lab = bench.lab
    offset = lab.values["port_offset"]
    ports = {name.upper(): str(port + offset) for name, port in catalogue.committed("ports").items()}
    compose = composed.Compose(
        composed.copy(folder),
        {
            **ports,
            "CLOUDLAB_INSTANCE": lab.instance,
            "REGISTRY_MIRROR": MIRROR,
            "COMPOSE_PROFILES": composed.profiles(),
        },
    )
    try:
        taken = {"first": _timed(lambda: _up(compose, lab)), "again": _timed(lambda: _up(compose, lab))}
        compose.set(**{CHANGED: str(int(ports[CHANGED]) + 1)})
        taken["changed"] = _timed(lambda: _up(compose, lab))
    except BaseException:
        compose.run("down", "--volumes")
        raise
    return taken | {"teardown": _timed(lambda: compose.run("down", "--volumes"))}


def _up(compose: composed.Compose, lab: Lab) -> None:
    """`up`, until all that goes on running is healthy. Its own `--wait` takes programs that have ended for faults."""
    compose.run("up", "--detach")
    for component, container in lab.containers().items():
        if container["HostConfig"]["RestartPolicy"]["Name"] != "no":
            lab.wait_until_healthy(component, HEALTHY_SECONDS)


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Figure]]] = {"doors": doors}
