"""What a request left in the logs of those it passed, found by its request id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from communication.containers import Containers
from communication.waiting import NotInTime, until

# Longer than it takes until a line has been written: the gateway collects its own for a second.
PATIENCE_SECONDS = 2

Record = Mapping[str, Any]


def records(log: bytes, request_id: str) -> list[Record]:
    """The lines of a log that carry the request id, decoded. What is not a JSON object is no such line."""
    # Most lines are of other requests: only those that hold the id at all are decoded.
    found = (_decoded(line) for line in log.splitlines() if request_id.encode() in line)
    return [record for record in found if record.get("request_id") == request_id]


def _decoded(line: bytes) -> Record:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def gather(
    containers: Containers, components: Iterable[str], request_id: str, since: float, seconds: float
) -> dict[str, list[Record]]:
    """Component -> the lines of its log that carry the request id.

    Some log only after they have answered: whoever has no line yet is looked at again, for so many seconds.
    since: where in the logs to begin, in seconds since the epoch.
    """
    found: dict[str, list[Record]] = {component: [] for component in components}

    def complete() -> bool:
        absent = [component for component, lines in found.items() if not lines]
        found.update({each: records(containers.log(each, since), request_id) for each in absent})
        return all(found.values())

    with suppress(NotInTime):
        until(complete, "", seconds, pause=0.2)
    return found


def traces(found: Mapping[str, Iterable[Record]]) -> dict[str, set[str]]:
    """Component -> the trace ids in its lines."""
    return {component: {record.get("trace_id", "") for record in lines} for component, lines in found.items()}
