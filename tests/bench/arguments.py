"""The command line of scripts/bench.sh; by itself it checks one, before an engine is provided for what is not known."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.measurements import MEASUREMENTS, OPTIONAL
from cloudlab.cli.arguments import Parser

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


if __name__ == "__main__":
    arguments(sys.argv[1:])
