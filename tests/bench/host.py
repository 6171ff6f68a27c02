"""The machine that is measured on: how busy it is, and how much is taken away. Elsewhere than on Linux: its load."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
# Over how long the shares at the start and at the end are taken.
SAMPLE_SECONDS = 2.0
# Columns of the line `cpu` in /proc/stat. What guests use is part of `user` and is not counted again.
COLUMNS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


@dataclass(frozen=True)
class Busy:
    """Of the processors' time between two moments, in parts of 1: in use by this machine, and stolen by others."""

    used: float
    stolen: float


def ticks(text: str) -> dict[str, int]:
    """The processors' time since boot, in ticks per column, of the text of /proc/stat."""
    values = text.splitlines()[0].split()[1:]
    return dict(zip(COLUMNS, map(int, values), strict=False))


def busy(before: Mapping[str, int], after: Mapping[str, int]) -> Busy:
    """What happened between two readings of `ticks`."""
    passed = {column: after.get(column, 0) - before.get(column, 0) for column in COLUMNS}
    total = sum(passed.values())
    used = total - passed["idle"] - passed["iowait"] - passed["steal"]
    return Busy(used / total, passed["steal"] / total) if total else Busy(0, 0)


def read_ticks() -> dict[str, int] | None:
    """The current reading; None where there is no /proc/stat."""
    return ticks(STAT.read_text(encoding="ascii")) if STAT.exists() else None


def state() -> dict[str, float | None]:
    """{"load": average of the last minute, "used", "stolen": shares over the next seconds}."""
    load = os.getloadavg()[0]
    before = read_ticks()
    if before is None:
        return {"load": load, "used": None, "stolen": None}
    time.sleep(SAMPLE_SECONDS)
    now = busy(before, read_ticks())
    return {"load": load, "used": round(now.used, 3), "stolen": round(now.stolen, 3)}


def in_words(moment: str, known: Mapping[str, float | None]) -> str:
    """One line for a person."""
    if known["used"] is None:
        return f"{moment}: load {known['load']:.1f}"
    return f"{moment}: load {known['load']:.1f}, processors {known['used']:.0%} used and {known['stolen']:.0%} stolen"
