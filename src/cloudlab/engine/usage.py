"""Memory and CPU usage of containers, as the engine reports it."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import docker

from cloudlab.engine.listing import or_none

# The engine samples once a second, so an answer takes up to a second, and concurrent answers take no longer.
READERS = 32


def memory(stats: Mapping[str, Any]) -> int:
    """Bytes in use as `docker stats` counts them, without inactive file cache; 0 for a container that has stopped.

    The field is called inactive_file with cgroups of version 2, and total_inactive_file with version 1.
    """
    known = stats["memory_stats"]
    used = known.get("usage", 0)
    details = known.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return used - cache if cache < used else used


def sample(client: docker.APIClient, containers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Component -> statistics, read concurrently; containers that do not exist any more are left out.

    :param containers: component -> name or id of its container.
    """
    with ThreadPoolExecutor(READERS) as pool:
        read = partial(or_none, client.stats, stream=False, one_shot=True)
        readings = pool.map(read, containers.values())
        return {name: stats for name, stats in zip(containers, readings, strict=True) if stats}
