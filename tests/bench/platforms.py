"""Measurements of the whole environment: the services, hot reload, and orders through the gateway."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import checkout as checkouts
import requests
import searches
from lab import ROOT, wait_until

from bench import timeline
from bench.chatter import log_load
from bench.report import Figure
from bench.runs import MeasureError
from bench.subject import EVERYTHING, LITE, Bench, costs
from cloudlab.engine import usage

SAVES = 20
SHARED_SAVES = 3
IDLE_SECONDS = 30
LOAD_SECONDS = 60
LINES = 12
SECONDS = 30
MB = 10**6
OBSERVABILITY = "observability"
PAUSE_SECONDS = 1.0


def processor_seconds(stats: Mapping[str, Any]) -> float:
    """CPU time since the container's start, from the engine's statistics."""
    return stats["cpu_stats"]["cpu_usage"]["total_usage"] / 10**9


def platform_fresh(bench: Bench) -> Iterator[Figure]:
    """Start everything with images and caches only, with the timeline of the last run."""
    taken = []
    for _ in range(bench.few):
        bench.need(EVERYTHING)
        bench.forget()
        with timeline.Watch(bench.lab.client, bench.lab.instance) as watch:
            taken.append(bench.converge(profile=EVERYTHING))
    what = "images and caches present, no containers, no data, to everything healthy"
    yield from costs("platform-fresh", what, taken, 150)
    spans = watch.spans()
    for span in spans:
        healthy = () if span.healthy is None else (span.healthy,)
        yield Figure(
            f"healthy-{span.component}", f"of the last of these, until {span.component} is healthy", "s", healthy
        )
    bench.say(f"timeline of the last run:\n{timeline.chart(spans)}")


def platform_run(bench: Bench) -> Iterator[Figure]:
    """Run without changes: everything."""
    bench.need(EVERYTHING)
    taken = [bench.converge(profile=EVERYTHING) for _ in range(bench.runs)]
    yield from costs("platform-run", "second run of everything, nothing to do", taken, 4)


def order_run(bench: Bench) -> Iterator[Figure]:
    """Run without changes: `--tags order`."""
    bench.need(EVERYTHING)
    taken = [bench.converge("--tags", "order", profile=EVERYTHING) for _ in range(bench.runs)]
    yield from costs("order-run", "--tags order, nothing to do", taken, 2.5)


def platform_memory(bench: Bench) -> Iterator[Figure]:
    """Memory and CPU usage of everything when idle, in both sizes."""
    for profile, goal in ((EVERYTHING, 5), (LITE, 3)):
        bench.need(profile)
        bench.say(f"letting everything idle for {IDLE_SECONDS} s")
        containers = bench.containers()
        before, begun = usage.sample(bench.lab.client, containers), time.monotonic()
        time.sleep(IDLE_SECONDS)
        after, passed = usage.sample(bench.lab.client, containers), time.monotonic() - begun
        used = {name: usage.memory(stats) for name, stats in after.items()}
        what = f"memory of all idle containers, profile {profile}"
        yield Figure(f"memory-everything-{profile}", what, "bytes", (sum(used.values()),), goal * 10**9)
        processors = {
            name: (processor_seconds(after[name]) - processor_seconds(before[name])) / passed for name in containers
        }
        what = f"processors that all idle containers use, profile {profile}"
        yield Figure(f"idle-cpu-everything-{profile}", what, "cpu", (sum(processors.values()),), 0.15)
        if profile == EVERYTHING:
            yield from _shares(bench, used, processors)


def _shares(bench: Bench, memory: Mapping[str, int], processors: Mapping[str, float]) -> Iterator[Figure]:
    """Usage of the services, of observability, and of each component."""
    kinds = {name: entry["kind"] for name, entry in bench.lab.values["catalogue"].items()}

    def of(used: Mapping[str, float], kind: str) -> tuple[float]:
        return (sum(value for name, value in used.items() if kinds[name] == kind),)

    what = "memory of the ten idle services with hot reload"
    yield Figure("memory-services", what, "bytes", of(memory, "service"), 600 * MB)
    what = "memory of the idle search in logs, traces and metrics"
    yield Figure("memory-observability", what, "bytes", of(memory, OBSERVABILITY), 450 * MB)
    what = "processors that the idle search in logs, traces and metrics uses"
    yield Figure("idle-cpu-observability", what, "cpu", of(processors, OBSERVABILITY), 0.02)
    for name in sorted(memory):
        yield Figure(f"memory-everything-{name}", f"memory of {name}, idle", "bytes", (memory[name],))
        yield Figure(f"idle-cpu-everything-{name}", f"processors that {name} uses, idle", "cpu", (processors[name],))


def observability(bench: Bench) -> Iterator[Figure]:
    """Start time of observability, and the delay until a log line is found."""
    bench.need(EVERYTHING)
    entries = bench.lab.values["catalogue"].items()
    members = [name for name, entry in entries if entry["kind"] == OBSERVABILITY]
    for name in members:
        bench.lab.client.remove_container(bench.lab.container(name), force=True)
    with timeline.Watch(bench.lab.client, bench.lab.instance) as watch:
        bench.converge("--tags", ",".join(members), profile=EVERYTHING)
    spans = [span for span in watch.spans() if span.component in members]
    seconds = max(span.healthy or math.inf for span in spans) - min(span.started for span in spans)
    what = "start to healthy, the search in logs, traces and metrics together"
    yield Figure("observability-healthy", what, "s", (seconds,), 15)
    found = tuple(_seconds_until_found(bench) for _ in range(LINES))
    yield Figure("log-line", "a request until the search finds its log line", "s", found, 3)


def _seconds_until_found(bench: Bench) -> float:
    """Seconds from the response to a request until its log line of the gateway is found."""
    time.sleep(PAUSE_SECONDS)
    logs, request = searches.Logs(bench.lab), str(uuid.uuid4())
    address = f"http://127.0.0.1:{bench.lab.port('gateway', 'http')}/api/v1/categories"
    requests.get(address, headers={"x-request-id": request}, timeout=SECONDS).raise_for_status()
    begun = time.monotonic()
    wait_until(lambda: logs.find(f'request_id:="{request}"'), f"a line of the request {request} is found", SECONDS)
    return time.monotonic() - begun


def saves(bench: Bench) -> Iterator[Figure]:
    """Seconds from saving a file until the new response, in one service and in all."""
    with tempfile.TemporaryDirectory() as folder:
        # The services run as another user.
        Path(folder).chmod(0o755)
        checkout = Path(folder) / "platform"
        checkouts.make(checkout)
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
    """Seconds of each of `count` saves, after a first one that fills the caches."""
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
    """Orders through the gateway: one at a time, and at a constant rate of reads and orders."""
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
    """Figures of the communication test. Raises MeasureError with its output if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "communication", what, "--instance", bench.lab.instance, "--json", str(file)]
        environ = bench.lab.environ | {"PYTHONPATH": str(ROOT / "tests")}
        done = subprocess.run([*command, *arguments], env=environ, capture_output=True, text=True, check=False)
        if not file.exists():
            raise MeasureError(done.stdout + done.stderr)
        return json.loads(file.read_text(encoding="utf-8"))


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "platform-fresh": platform_fresh,
    "platform-run": platform_run,
    "order-run": order_run,
    "observability": observability,
    "log-load": log_load,
    "orders": orders,
    "saves": saves,
    # Ends in another profile.
    "platform-memory": platform_memory,
}
