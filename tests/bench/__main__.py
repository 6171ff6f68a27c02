"""scripts/bench.sh: order of the measurements, and output."""

from __future__ import annotations

import datetime
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from docker.errors import DockerException
from lab import ROOT, Lab

from bench import host, report
from bench.arguments import arguments
from bench.measurements import MEASUREMENTS
from bench.runs import MeasureError
from bench.subject import Bench
from cloudlab.model import settings

INSTANCE = {"CLOUDLAB_INSTANCE": "test-bench", "PORT_OFFSET": "25000", settings.ENV_FILE_VARIABLE: ""}


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The process environment without the user's settings, for the instance of the benchmark."""
    known = {name.upper() for name in settings.spec()}
    return {name: value for name, value in environ.items() if name not in known} | INSTANCE


def measure(bench: Bench, names: list[str]) -> tuple[list[report.Figure], list[str]]:
    """Figures, and messages about the measurements that failed."""
    figures, problems = [], []
    for name in names:
        bench.say(f"measuring {name}")
        try:
            for figure in MEASUREMENTS[name](bench):
                bench.say(f"  {figure.name}: {report.shown(figure.value, figure.unit)} {figure.verdict}".rstrip())
                figures.append(figure)
        except (MeasureError, AssertionError, DockerException) as error:
            problems.append(f"{name}: {error}")
            bench.say(f"  failed: {error}")
            # Leftovers must not affect the next measurement.
            bench.state = ""
    return figures, problems


def about(bench: Bench, started: datetime.datetime) -> dict:
    """The context of the figures: time, commit and machine."""
    info = bench.lab.client.info()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "date": started.isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "machine": {
            "processors": info["NCPU"],
            "memory": info["MemTotal"],
            "system": info["OperatingSystem"],
            "kernel": platform.release(),
            "engine": info["ServerVersion"],
        },
    }


def write(path: Path, document: dict) -> None:
    """Write the document, and print its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path}")


def main() -> int:
    """Measure, show, write, clean up."""
    options = arguments(sys.argv[1:])
    # Stop and remove everything, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began, started = time.monotonic(), datetime.datetime.now(datetime.UTC).astimezone()
    bench = Bench(
        Lab(environment(os.environ)), options.runs, lambda text: print(f"[{time.monotonic() - began:4.0f} s] {text}")
    )
    load = {"start": host.state()}
    print(host.in_words("at the start", load["start"]))
    before = host.read_ticks()
    try:
        bench.remove_sides()
        bench.remove()
        figures, problems = measure(bench, options.only)
    finally:
        load["end"] = host.state()
        bench.say("removing the instance")
        bench.remove_sides()
        bench.remove()
    if before:
        during = host.busy(before, host.read_ticks())
        load["between"] = {"used": round(during.used, 3), "stolen": round(during.stolen, 3)}
    print(f"\n{report.table(figures)}\n")
    print(host.in_words("at the start", load["start"]))
    print(host.in_words("at the end", load["end"]))
    if before:
        print(f"in between: processors {during.used:.0%} used and {during.stolen:.0%} stolen")
    default = ROOT / ".cloudlab" / "bench" / f"{started:%Y-%m-%dT%H%M%S}.json"
    write(options.json or default, report.document(figures, {**about(bench, started), "load": load}))
    for problem in problems:
        print(f"not measured: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MeasureError as error:
        sys.exit(f"ERROR: the instance could not be prepared or removed: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
