"""What the engine's own processes use, as the kernel tells it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

ENGINE_PROCESSES = ("dockerd", "containerd")


def stat_seconds(text: str, ticks_per_second: int) -> float:
    """Processor time of a process and of its children that have ended, of the text of /proc/<pid>/stat."""
    fields = text.rpartition(")")[2].split()
    # Fields 14 to 17 of the whole line: utime, stime, cutime, cstime.
    return sum(map(int, fields[11:15])) / ticks_per_second


def parent(text: str) -> int:
    """The parent's number, of the text of /proc/<pid>/stat."""
    return int(text.rpartition(")")[2].split()[1])


def engine_processes(mains: Iterable[int], proc: Path = Path("/proc")) -> set[int]:
    """dockerd, containerd, and the shims above the containers' first processes `mains`; empty when none is visible."""
    found = {parent(text) for main in mains if (text := _read(proc / str(main) / "stat"))}
    for folder in proc.glob("[0-9]*"):
        if _read(folder / "comm").strip() in ENGINE_PROCESSES:
            found.add(int(folder.name))
    return found - {0, 1}


def seconds_of(processes: Iterable[int], proc: Path = Path("/proc")) -> float:
    """Processor time of these processes so far; of one that has ended, nothing."""
    per_second = os.sysconf("SC_CLK_TCK")
    texts = (_read(proc / str(process) / "stat") for process in processes)
    return sum(stat_seconds(text, per_second) for text in texts if text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
