"""What containers use, as the engine tells it, and the engine's own processes, as the kernel tells it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker

ENGINE_PROCESSES = ("dockerd", "containerd")
NANOSECONDS = 1_000_000_000


def memory(stats: Mapping[str, Any]) -> int:
    """Bytes in use as `docker stats` counts them: without the file cache that would be given up first.

    The field is called inactive_file with cgroups of version 2, and total_inactive_file with version 1.
    """
    known = stats["memory_stats"]
    details = known.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return known["usage"] - cache if cache < known["usage"] else known["usage"]


def processor_seconds(stats: Mapping[str, Any]) -> float:
    """Processor time since the container's start."""
    return stats["cpu_stats"]["cpu_usage"]["total_usage"] / NANOSECONDS


def sample(client: docker.APIClient, containers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Component -> statistics, one reading each, all at about the same time. `containers`: component -> container."""
    with ThreadPoolExecutor(8) as pool:
        readings = pool.map(lambda name: client.stats(name, stream=False, one_shot=True), containers.values())
        return dict(zip(containers, readings, strict=True))


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
