"""The measurements by their names for `--only`: functions from the bench to figures."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

import docker
from lab import ROOT, Lab

from bench import compose, platforms, processes, runs
from bench.report import Figure, quotient
from bench.runs import MeasureError
from bench.subject import DEV, EVERYTHING, LITE_STORES, STORES, Bench, costs
from cloudlab.engine import usage
from cloudlab.images import contexts

COMPARE = runs.ANSIBLE / "compare.yml"

IDLE_SECONDS = 30
# Only a store that does not recover takes longer.
HEAL_SECONDS = 180
POLL_SECONDS = 0.05

GIGABYTE = 10**9
HEAL_GOALS = {"kafka": 25.0, "elasticsearch": 45.0}
LIGHT_GOAL = 5.0


def fresh(bench: Bench) -> Iterator[Figure]:
    """Start all stores, with images only."""
    taken = []
    for _ in range(bench.few):
        bench.remove()
        taken.append(bench.converge())
    yield from costs("fresh", "images present, no containers, to all stores healthy and initialised", taken, 45)


def second_run(bench: Bench) -> Iterator[Figure]:
    """Run without changes: the stores."""
    bench.need()
    taken = [bench.converge() for _ in range(bench.runs)]
    yield from costs("second-run", "second run of the stores, nothing to do", taken, 3)


def kafka_run(bench: Bench) -> Iterator[Figure]:
    """Run without changes: `--tags kafka`."""
    bench.need()
    taken = [bench.converge("--tags", "kafka") for _ in range(bench.runs)]
    yield from costs("kafka-run", "--tags kafka, nothing to do", taken, 2)


def idle(bench: Bench) -> Iterator[Figure]:
    """CPU usage of the idle environment."""
    bench.need()
    containers = bench.containers()
    mains = [bench.lab.client.inspect_container(identity)["State"]["Pid"] for identity in containers.values()]
    engine = processes.engine_processes(mains)
    begun, before, engine_before = time.monotonic(), _processor(bench, containers), processes.seconds_of(engine)
    time.sleep(IDLE_SECONDS)
    passed = time.monotonic() - begun
    after, engine_after = _processor(bench, containers), processes.seconds_of(engine)
    used = {name: (after[name] - before[name]) / passed for name in containers}
    yield Figure("idle-cpu", "processors that the idle stores use", "cpu", (sum(used.values()),))
    for name, value in used.items():
        yield Figure(f"idle-cpu-{name}", f"of these, {name}", "cpu", (value,))
    what = "processors that dockerd, containerd and the stores' shims use"
    if engine:
        yield Figure("idle-cpu-engine", what, "cpu", ((engine_after - engine_before) / passed,), note=_sharers(bench))
    else:
        yield Figure("idle-cpu-engine", what, "cpu", note="the engine's processes cannot be seen from here")


def _processor(bench: Bench, containers: Mapping[str, str]) -> dict[str, float]:
    sample = usage.sample(bench.lab.client, containers)
    return {name: platforms.processor_seconds(stats) for name, stats in sample.items()}


def _sharers(bench: Bench) -> str:
    """CPU usage of the engine, which includes its work for other containers."""
    others = len(bench.lab.client.containers()) - len(bench.containers())
    return f"{others} containers of others ran meanwhile and have a share in it" if others else ""


def memory(bench: Bench) -> Iterator[Figure]:
    """Memory of the idle stores in both sizes."""
    for profile, size, goal in ((STORES, "full", 2.5), (LITE_STORES, "lite", 1.6)):
        bench.need(profile)
        bench.say(f"letting the stores idle for {IDLE_SECONDS} s")
        time.sleep(IDLE_SECONDS)
        used = {n: usage.memory(s) for n, s in usage.sample(bench.lab.client, bench.containers()).items()}
        what = f"memory of the idle stores, size {size}"
        yield Figure(f"memory-{size}", what, "bytes", (sum(used.values()),), goal * GIGABYTE)
        for name, value in used.items():
            yield Figure(f"memory-{size}-{name}", f"of these, {name}", "bytes", (value,))


def kill(bench: Bench) -> Iterator[Figure]:
    """kill -9 of each store's process, in turns: the engine delays the restart of recently started containers."""
    bench.need()
    names = list(bench.containers())
    seconds: dict[str, list[float]] = {name: [] for name in names}
    notes: dict[str, str] = {}
    for _ in range(bench.few):
        for name in names:
            try:
                seconds[name].append(_heal(bench.lab, name))
            except (MeasureError, PermissionError, ProcessLookupError) as error:
                notes[name] = str(error)
    for name in names:
        what = f"kill -9 of {name}'s process to healthy"
        goal = HEAL_GOALS.get(name, LIGHT_GOAL)
        yield Figure(f"kill-{name}", what, "s", tuple(seconds[name]), goal, notes.get(name, ""))


def _heal(lab: Lab, name: str) -> float:
    """Seconds from the end of the store's process until the container is healthy again."""
    lab.wait_until_healthy(name, HEAL_SECONDS)
    before = lab.inspect(name)
    victim = _main_process(lab.client, before)
    begun = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    while time.monotonic() < begun + HEAL_SECONDS:
        if lab.inspect(name)["State"]["StartedAt"] != before["State"]["StartedAt"] and lab.is_healthy(name):
            return time.monotonic() - begun
        time.sleep(POLL_SECONDS)
    raise MeasureError(f"not healthy within {HEAL_SECONDS} s after process {victim} was killed")


def _main_process(client: docker.APIClient, container: Mapping) -> int:
    """The host's PID of the store's process: the first child of the container's init, if there is one."""
    first = container["State"]["Pid"]
    if not os.path.exists(f"/proc/{first}"):
        raise MeasureError("the engine's processes cannot be seen from here")
    if not container["HostConfig"]["Init"]:
        return first
    listed = client.top(container["Id"], "-o pid,ppid")["Processes"]
    children = sorted(int(process) for process, parent in listed if int(parent) == first)
    if not children:
        raise MeasureError(f"the container's init, process {first}, has no child")
    return children[0]


def tenth(bench: Bench) -> Iterator[Figure]:
    """The action compared with a loop of docker_container, and the stores' tasks compared with the same loop."""
    bench.need()
    environ = bench.lab.environ
    own = [
        sum(
            task.seconds
            for task in runs.timed_tasks(environ | {"CLOUDLAB_PROFILE": STORES}, DEV)
            if task.action == "containers"
        )
        for _ in range(bench.few)
    ]
    bench.remove()
    stores = yield from _compare(bench, "stores", "the stores' 6 containers", bench.runs)
    figure = Figure("roles-stores-again", "the 6 tasks `containers` of a second run", "s", tuple(own))
    yield figure
    yield quotient(
        "ratio-roles-stores-again",
        "these 6 tasks to the loop over 6 containers, nothing to do",
        figure,
        stores,
        0.1,
    )
    yield from _compare(bench, "many", "26 containers", bench.few)


def _compare(bench: Bench, which: str, what: str, rounds: int) -> Iterator[Figure]:
    """Figures of one set; returns that of the loop without changes."""
    bench.say(f"comparing the action and the loop over {what}")
    directory = bench.lab.directory.with_name(bench.sides["action"])
    arguments = {
        "compare_set": which,
        "compare_rounds": rounds,
        "compare_sides": bench.sides,
        "compare_directory": str(directory),
    }
    try:
        timings = runs.timed_tasks(bench.lab.environ, COMPARE, "--extra-vars", json.dumps(arguments))
    finally:
        bench.remove_sides()
    figures = {}
    for when, words in (("first", "first converge"), ("again", "nothing to do")):
        for way in ("action", "loop"):
            task = f"First {way}" if when == "first" else f"{way.capitalize()} with nothing to do"
            found = [timing for timing in timings if timing.task == task]
            restless = when == "again" and any(timing.changed for timing in found)
            figures[way, when] = Figure(
                f"{way}-{which}-{when}",
                f"{way} over {what}, {words}",
                "s",
                tuple(timing.seconds for timing in found),
                note="it changed something although there was nothing to do" if restless else "",
            )
            yield figures[way, when]
        yield quotient(
            f"ratio-{which}-{when}",
            f"action to loop over {what}, {words}",
            figures["action", when],
            figures["loop", when],
            0.1 if when == "again" else None,
        )
    return figures["loop", "again"]


def images(bench: Bench) -> Iterator[Figure]:
    """Everything from scratch, with images built from packages. Removes the images of this commit."""
    bench.remove()
    wanted = [image["context"] for image in bench.lab.values["images"].values() if image.get("context")]
    known = contexts.load(ROOT / "files" / "images", wanted)
    remove_images(bench.lab.client, [context.reference for context in known.values()])
    cost = runs.playbook(bench.lab.environ | {"CLOUDLAB_PROFILE": EVERYTHING, "IMAGE_SOURCE": "packages"}, DEV)
    yield from costs("images", "no images, to everything built from packages and healthy", [cost], 480)
    bench.remove()


def remove_images(client: docker.APIClient, references: Iterable[str]) -> None:
    """Remove the images, children first (they are listed parents first); missing ones are ignored."""
    for reference in reversed(list(references)):
        with contextlib.suppress(docker.errors.ImageNotFound):
            client.remove_image(reference, force=True)


# Ordered so that they do not disturb each other: memory ends in another profile, and the comparison removes everything.
MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "images": images,
    "fresh": fresh,
    "second-run": second_run,
    "kafka-run": kafka_run,
    "idle": idle,
    "kill": kill,
    "memory": memory,
    "tenth": tenth,
    **platforms.MEASUREMENTS,
    **compose.MEASUREMENTS,
}
# Only on request, because they remove data that others need.
OPTIONAL = ("images",)
