"""Log lines of a request, found by its request ID."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from communication.containers import Containers
from communication.waiting import NotInTime, until

# Longer than it takes to write a log line: the gateway buffers its log for a second.
FLUSH_SECONDS = 2

Record = Mapping[str, Any]


def records(log: bytes, request_id: str) -> list[Record]:
    """The decoded JSON log lines with the request ID."""
    # Most lines belong to other requests: decode only those that contain the ID.
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
    """Component -> its log lines with the request ID.

    Some components log after they have responded: those without a line are read again for up to `seconds`.
    since: start of the logs, in seconds since the epoch.
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
    """Component -> the trace IDs in its lines."""
    return {component: {record.get("trace_id", "") for record in lines} for component, lines in found.items()}
