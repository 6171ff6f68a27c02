"""The command line of scripts/bench.sh. Run as a module, it validates the arguments before an engine is provided."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.measurements import MEASUREMENTS, OPTIONAL
from cloudlab.cli.arguments import Parser

DESCRIPTION = """\
Runs the benchmarks in a separate instance (test-bench, ports from 25000), which is removed afterwards. Prints a table
of figures with their goals, and writes them as JSON. Each figure is the median of its runs. Close other programs; the
load of the machine is reported.
"""
EPILOGUE = """\
measurements: {names}
The exit status is 1 if a measurement failed, else 0, even if goals are missed.
"""


def arguments(given: list[str]) -> argparse.Namespace:
    """The parsed command line; `only` includes `images`."""
    parser = Parser(
        prog="./scripts/bench.sh",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(names=", ".join(MEASUREMENTS)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--runs", type=_positive, default=5, metavar="N", help="runs per short measurement (default: 5)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=MEASUREMENTS,
        metavar="NAME",
        help="run only this measurement; can be repeated",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: .cloudlab/bench/<date>.json")
    parser.add_argument(
        "--images",
        action="store_true",
        help="also build all images from packages, after removing those of this commit",
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


if __name__ == "__main__":
    arguments(sys.argv[1:])
