"""What a request left in the logs of those it passed, found by its request id."""

from __future__ import annotations

import json
from collections.abc import Iterable

from communication.containers import Containers
from communication.waiting import until


def lines(log: bytes, request_id: str) -> int:
    """How many lines of a log carry the request id; each line that counts is a JSON object."""
    # Most lines are of other requests: only those that hold the id at all are decoded.
    return sum(_carries(line, request_id) for line in log.splitlines() if request_id.encode() in line)


def _carries(line: bytes, request_id: str) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and record.get("request_id") == request_id


def follow(containers: Containers, components: Iterable[str], request_id: str, since: float) -> dict[str, int]:
    """Component -> how many lines of its log carry the request id. since: seconds since the epoch."""
    return {component: lines(containers.log(component, since), request_id) for component in components}


def wait(containers: Containers, components: Iterable[str], request_id: str, since: float) -> dict[str, int]:
    """As `follow`, once every component has logged the request: some do so after they have answered."""
    found: dict[str, int] = {}

    def missing() -> list[str]:
        absent = [component for component in components if not found.get(component)]
        found.update(follow(containers, absent, request_id, since))
        return [component for component in absent if not found[component]]

    until(
        lambda: not missing(),
        f"a log line with request id {request_id} of each of {', '.join(components)} (they log at LOG_LEVEL=info)",
        pause=0.5,
    )
    return found
