"""What a request left in the logs of those it passed, found by its request id."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress

from communication.containers import Containers
from communication.waiting import NotInTime, until

# Longer than it takes until a line has been written: the gateway collects its own for a second.
PATIENCE_SECONDS = 2


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


def gather(
    containers: Containers, components: Iterable[str], request_id: str, since: float, seconds: float
) -> dict[str, int]:
    """Component -> how many lines of its log carry the request id.

    Some log only after they have answered: whoever has no line yet is looked at again, for so many seconds.
    since: where in the logs to begin, in seconds since the epoch.
    """
    found = dict.fromkeys(components, 0)

    def complete() -> bool:
        absent = [component for component, count in found.items() if not count]
        found.update({each: lines(containers.log(each, since), request_id) for each in absent})
        return all(found.values())

    with suppress(NotInTime):
        until(complete, "", seconds, pause=0.2)
    return found
