"""The program behind scripts/bench.sh: arguments, order of the measurements, output."""

from __future__ import annotations

import argparse
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
from bench.measurements import MEASUREMENTS, OPTIONAL
from bench.runs import MeasureError
from bench.subject import Bench
from cloudlab import settings
from cloudlab.arguments import Parser

INSTANCE = {"CLOUDLAB_INSTANCE": "test-bench", "PORT_OFFSET": "25000", settings.ENV_FILE_VARIABLE: ""}

DESCRIPTION = """\
Measures the project on an instance of its own (test-bench, ports from 25000), and removes it afterwards. Prints a table
of figures with their goals, and writes them for programs. Each figure is the median of its runs. Close other programs:
what else the machine does is measured too, and said.
"""
EPILOGUE = """\
measurements: {names}
The exit status is 0 whether or not goals are met, and 1 when a measurement failed.
"""


def arguments(given: list[str]) -> argparse.Namespace:
    """The command line, checked; `only` is completed and `images` folded into it."""
    parser = Parser(
        prog="./scripts/bench.sh",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(names=", ".join(MEASUREMENTS)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=_positive, default=5, metavar="N", help="runs of what is quick (default 5)")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, metavar="NAME", help="repeat it for several")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: .cloudlab/bench/<date>.json")
    parser.add_argument(
        "--images", action="store_true", help="also build all images from packages; removes those of this commit first"
    )
    options = parser.parse_args(given)
    chosen = options.only or [name for name in MEASUREMENTS if name not in OPTIONAL]
    options.only = [name for name in MEASUREMENTS if name in chosen or (options.images and name == "images")]
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The process environment without the user's own settings, for the bench's instance."""
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
            # Whatever it left behind must not count for the next one.
            bench.state = ""
    return figures, problems


def about(bench: Bench, started: datetime.datetime) -> dict:
    """What a figure has to be read with: when, of what, and on which machine."""
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
    """Write the document, and say where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path}")


def main() -> int:
    """Measure, show, write, clean up."""
    options = arguments(sys.argv[1:])
    # What is under way is ended and removed, as after Ctrl-C.
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
        sys.exit(f"ERROR: the instance cannot be made ready or removed: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
