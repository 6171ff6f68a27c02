"""The playbooks compared with Docker Compose and the exported files, with the same images."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import caches
import composed
import documented
from lab import Lab

from bench import runs
from bench.report import Figure, quotient
from bench.subject import CACHES, DEV, EVERYTHING, Bench
from cloudlab.images import references
from cloudlab.model import settings

# The pinned images of a registry that does not exist: existing images are not pulled.
MIRROR = "test-bench.invalid"
# A setting of one component only.
CHANGED = "ZOOKEEPER_PORT"
HEALTHY_SECONDS = 600

STEPS = {
    "first": "images and caches present, no containers, to all healthy",
    "again": "nothing to do",
    "changed": "one component changed",
    "teardown": "teardown with the data",
}


def comparison(bench: Bench) -> Iterator[Figure]:
    """The same four steps with the playbooks, then with Docker Compose."""
    bench.need(EVERYTHING)
    made = _tag(bench)
    try:
        with tempfile.TemporaryDirectory() as folder:
            taken = {"ansible": _by_ansible(bench), "compose": _by_compose(bench, Path(folder))}
    finally:
        for name in made:
            bench.lab.client.remove_image(name, noprune=True)
    for step, text in STEPS.items():
        figures = {
            tool: Figure(f"{tool}-{step}", f"{tool}, {text}", "s", (seconds[step],)) for tool, seconds in taken.items()
        }
        yield from figures.values()
        below = 1.0 if step == "first" else None
        yield quotient(f"ratio-compose-{step}", f"ansible to compose, {text}", *figures.values(), below)


def _tag(bench: Bench) -> list[str]:
    """Tag the images in use with the pinned names at MIRROR; return these."""
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
    ports = {
        name.upper(): str(option["default"] + offset)
        for name, option in settings.spec().items()
        if name.endswith("_port")
    }
    compose = composed.Compose(
        composed.copy(folder),
        {
            **ports,
            "CLOUDLAB_INSTANCE": lab.instance,
            "REGISTRY_MIRROR": MIRROR,
            "COMPOSE_PROFILES": composed.profiles(documented.tools_from_packages()),
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
    """`up`, until all long-running services are healthy. Its option `--wait` fails for one-shot services."""
    compose.run("up", "--detach")
    for component, container in lab.containers().items():
        if container["HostConfig"]["RestartPolicy"]["Name"] != "no":
            lab.wait_until_healthy(component, HEALTHY_SECONDS)


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Figure]]] = {"compose": comparison}
