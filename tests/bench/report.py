"""Figures, their goals, and how they are shown: as a table and as a document for programs. Nothing here measures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Raised when readers of the document would have to change.
FORMAT = 1

HEADINGS = ("figure", "value", "goal", "verdict", "runs", "what")
# How a person reads a unit: (divisor, decimals, name).
SHOWN = {"s": (1, 2, "s"), "bytes": (10**6, 0, "MB"), "ratio": (1, 3, ""), "cpu": (0.01, 1, "%"), "count": (1, 0, "")}


@dataclass(frozen=True)
class Figure:
    """One measured number.

    name: stable, by which figures of different days are compared. what: in words.
    unit: a key of SHOWN: `s` seconds, `bytes`, `ratio` a quotient, `cpu` processors (1 is one in full), `count`.
    runs: what was measured, in order; empty when it could not be, and `note` then says why.
    below: the goal; the value has to be less.
    """

    name: str
    what: str
    unit: str
    runs: tuple[float, ...] = ()
    below: float | None = None
    note: str = ""

    @property
    def value(self) -> float | None:
        """The median of the runs; None when nothing was measured."""
        return median(self.runs)

    @property
    def met(self) -> bool | None:
        """Whether the goal was met; None when there is no goal, or no value."""
        if self.below is None or self.value is None:
            return None
        return self.value < self.below

    @property
    def verdict(self) -> str:
        """For the table."""
        if self.value is None:
            return "not measured"
        return {None: "", True: "met", False: "missed"}[self.met]


def median(values: Sequence[float]) -> float | None:
    """The middle of the values, or the mean of the middle two; None of nothing."""
    return statistics.median(values) if values else None


def quotient(name: str, what: str, of: Figure, to: Figure, below: float | None = None) -> Figure:
    """`of` divided by `to`, medians both; not measured when one of them was not."""
    if of.value is None or not to.value:
        missing = of.name if of.value is None else to.name
        return Figure(name, what, "ratio", note=f"{missing} was not measured", below=below)
    return Figure(name, what, "ratio", (of.value / to.value,), below)


def shown(value: float | None, unit: str) -> str:
    """A number with its unit, as a person reads it."""
    if value is None:
        return "-"
    divisor, decimals, name = SHOWN[unit]
    return f"{value / divisor:.{decimals}f} {name}".rstrip()


def table(figures: Iterable[Figure]) -> str:
    """The figures in aligned columns, notes below them."""
    figures = list(figures)
    rows = [HEADINGS, tuple("-" * len(heading) for heading in HEADINGS), *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{figure.name}: {figure.note}" for figure in figures if figure.note]
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    goal = "" if figure.below is None else f"< {shown(figure.below, figure.unit)}"
    value = shown(figure.value, figure.unit)
    return figure.name, value, goal, figure.verdict, str(len(figure.runs)), figure.what


def document(figures: Iterable[Figure], about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything for programs, in base units (seconds, bytes). `about` tells of the machine and its load."""
    return {
        "format": FORMAT,
        **about,
        "figures": [
            {
                "name": figure.name,
                "what": figure.what,
                "unit": figure.unit,
                "value": figure.value,
                "runs": list(figure.runs),
                "goal": figure.below,
                "met": figure.met,
                "note": figure.note,
            }
            for figure in figures
        ],
    }
