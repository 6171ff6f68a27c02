"""What containers use right now, as the engine tells it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
from docker.errors import NotFound

# The engine looks once a second at those that somebody asks about, so an answer takes up to a second, and many answers
# take no longer.
READERS = 32
NANOSECONDS = 1_000_000_000


def memory(stats: Mapping[str, Any]) -> int:
    """Bytes in use as `docker stats` counts them: without the file cache that would be given up first.

    The field is called inactive_file with cgroups of version 2, and total_inactive_file with version 1. Of a container
    that has ended meanwhile there are no figures: it uses nothing.
    """
    known = stats["memory_stats"]
    used = known.get("usage", 0)
    details = known.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return used - cache if cache < used else used


def processor_seconds(stats: Mapping[str, Any]) -> float:
    """Processor time since the container's start."""
    return stats["cpu_stats"]["cpu_usage"]["total_usage"] / NANOSECONDS


def sample(client: docker.APIClient, containers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Component -> statistics, one reading each, all at about the same time; those that are gone are left out.

    :param containers: component -> name or id of its container.
    """
    with ThreadPoolExecutor(READERS) as pool:
        readings = pool.map(lambda container: _read(client, container), containers.values())
        return {name: stats for name, stats in zip(containers, readings, strict=True) if stats}


def _read(client: docker.APIClient, container: str) -> dict[str, Any] | None:
    try:
        return client.stats(container, stream=False, one_shot=True)
    except NotFound:
        return None
