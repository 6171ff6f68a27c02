"""Measurements of the whole environment: the services, hot reload, and orders through the gateway."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import checkout as checkouts
from lab import ROOT

from bench.report import Figure
from bench.runs import MeasureError
from bench.subject import EVERYTHING, Bench, costs
from cloudlab import usage

SAVES = 20
SHARED_SAVES = 3
IDLE_SECONDS = 30
LOAD_SECONDS = 60
MEGABYTE = 10**6
# What stays when everything but the data and the containers is present: downloaded modules and compiled programs.
CACHES = ("builder-cache", "builder-bin")
PAUSE_SECONDS = 1.0


def platform_fresh(bench: Bench) -> Iterator[Figure]:
    """Everything from images and caches, without containers and data."""
    taken = []
    for _ in range(bench.few):
        bench.need(EVERYTHING)
        _forget(bench)
        taken.append(bench.converge(profile=EVERYTHING))
    what = "images and caches present, no containers, no data, to all stores and services healthy"
    yield from costs("platform-fresh", what, taken, 120)


def _forget(bench: Bench) -> None:
    """Remove containers, networks and data, as a reset does, but not the builder's caches."""
    lab = bench.lab
    for container in bench.containers().values():
        lab.client.remove_container(container, force=True, v=True)
    for network in lab.networks():
        lab.client.remove_network(f"{lab.instance}-{network}")
    for volume in lab.volumes() - set(CACHES):
        lab.client.remove_volume(f"{lab.instance}-{volume}")
    bench.state = ""


def platform_run(bench: Bench) -> Iterator[Figure]:
    """Everything, nothing to do."""
    bench.need(EVERYTHING)
    taken = [bench.converge(profile=EVERYTHING) for _ in range(bench.runs)]
    yield from costs("platform-run", "second run of everything, nothing to do", taken, 4)


def order_run(bench: Bench) -> Iterator[Figure]:
    """`--tags order`, nothing to do."""
    bench.need(EVERYTHING)
    taken = [bench.converge("--tags", "order", profile=EVERYTHING) for _ in range(bench.runs)]
    yield from costs("order-run", "--tags order, nothing to do", taken, 2.5)


def platform_memory(bench: Bench) -> Iterator[Figure]:
    """Memory of the idle services, and processors that everything uses meanwhile."""
    bench.need(EVERYTHING)
    bench.say(f"letting everything idle for {IDLE_SECONDS} s")
    containers = bench.containers()
    before, begun = usage.sample(bench.lab.client, containers), time.monotonic()
    time.sleep(IDLE_SECONDS)
    after, passed = usage.sample(bench.lab.client, containers), time.monotonic() - begun
    services = checkouts.services(bench.lab)
    used = {name: usage.memory(stats) for name, stats in after.items()}
    what = "memory of the ten idle services with hot reload"
    yield Figure("memory-services", what, "bytes", (sum(used[name] for name in services),), 600 * MEGABYTE)
    yield Figure("memory-builder", "memory of the builder, file cache included", "bytes", (used["builder"],))
    yield Figure("memory-everything", "memory of all idle containers", "bytes", (sum(used.values()),))
    processors = sum(usage.processor_seconds(after[n]) - usage.processor_seconds(before[n]) for n in containers)
    yield Figure("idle-cpu-everything", "processors that all idle containers use", "cpu", (processors / passed,))


def saves(bench: Bench) -> Iterator[Figure]:
    """From a saved file to the new answer, in one service and in all."""
    with tempfile.TemporaryDirectory() as folder:
        # The services read it as somebody else.
        Path(folder).chmod(0o755)
        checkout = checkouts.make(Path(folder))
        bench.lab.environ["PLATFORM_SRC"] = str(checkout)
        try:
            bench.converge(profile=EVERYTHING)
            one = _saves(bench, checkout, checkouts.SERVICE, checkouts.wait_for_service, SAVES)
            every = _saves(bench, checkout, checkouts.SHARED, checkouts.wait_for_all, SHARED_SAVES)
        finally:
            del bench.lab.environ["PLATFORM_SRC"]
            bench.state = ""
    yield Figure("save-one", "save to new answer, one service: median", "s", tuple(one), 3)
    yield Figure("save-one-p95", "save to new answer, one service: 95th percentile", "s", (_quantile(one, 0.95),), 4.5)
    yield Figure("save-shared", "save in a shared package to all ten services answering", "s", tuple(every), 20)


def _saves(bench: Bench, checkout: Path, place: tuple[Path, str], wait: Callable[..., None], count: int) -> list[float]:
    """Seconds of each of `count` saves; the first is not counted, it compiles what later ones find."""
    taken = []
    for number in range(count + 1):
        time.sleep(PAUSE_SECONDS)
        begun = time.monotonic()
        checkouts.edit(checkout, place, f"save {number}")
        wait(bench.lab, f"save {number}")
        taken.append(time.monotonic() - begun)
    return taken[1:]


def _quantile(values: list[float], part: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(part * 100) - 1]


def orders(bench: Bench) -> Iterator[Figure]:
    """Orders through the gateway: one after the other, and under a constant rate of reads and orders."""
    bench.need(EVERYTHING)
    found = _communicate(bench, "sagas")["sagas"]
    yield Figure("saga", "order to confirmed through the gateway, sequential: median", "s", (found["median"],), 0.15)
    yield Figure("saga-p95", "order to confirmed: 95th percentile", "s", (found["p95"],))
    found = _communicate(bench, "load", "--seconds", str(LOAD_SECONDS))
    errors = sum(sum(found[kind]["errors"].values()) for kind in ("reads", "orders"))
    rate = f"50 reads and 5 orders a second for {LOAD_SECONDS} s"
    yield Figure("load-errors", f"errors and lost orders at {rate}", "count", (errors + found["lost"],), 1)
    for kind in ("reads", "orders"):
        yield Figure(f"load-{kind}-p95", f"{kind} at {rate}: 95th percentile", "s", (found[kind]["p95"],))


def _communicate(bench: Bench, what: str, *arguments: str) -> dict[str, Any]:
    """Figures of the communication test. Raises MeasureError with what it printed when it failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "communication", what, "--instance", bench.lab.instance, "--json", str(file)]
        environ = bench.lab.environ | {"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT / 'tests'}"}
        done = subprocess.run([*command, *arguments], env=environ, capture_output=True, text=True, check=False)
        if not file.exists():
            raise MeasureError(done.stdout + done.stderr)
        return json.loads(file.read_text(encoding="utf-8"))


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "platform-fresh": platform_fresh,
    "platform-run": platform_run,
    "order-run": order_run,
    "platform-memory": platform_memory,
    "orders": orders,
    "saves": saves,
}
