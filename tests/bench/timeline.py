"""The timeline of a start: when each container was started and healthy."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import docker

from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE

NANOSECONDS = 10**9
HEALTHY = "health_status: healthy"
WIDTH = 60


@dataclass(frozen=True)
class Span:
    """The start of a component and its first healthy state, in seconds; None if it was never healthy."""

    component: str
    started: float
    healthy: float | None


class Watch:
    """Records the engine's events within a `with` block.

    They cannot be asked for afterwards: the engine remembers few, and health checks make many.
    """

    def __init__(self, client: docker.APIClient, instance: str):
        self._events = client.events(
            decode=True,
            filters={"label": f"{LABEL_INSTANCE}={instance}", "type": "container", "event": ["start", "health_status"]},
        )
        self._seen: list[Mapping[str, Any]] = []
        self._listener = threading.Thread(target=lambda: self._seen.extend(self._events), daemon=True)

    def __enter__(self) -> Watch:
        self._begun = time.time()
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        self._listener.join()

    def spans(self) -> list[Span]:
        """The recorded spans, by start time."""
        return spans(self._seen, self._begun)


def spans(events: list[Mapping[str, Any]], begun: float) -> list[Span]:
    """The first start and first healthy state of each component in the engine's events."""
    starts: dict[str, float] = {}
    healths: dict[str, float] = {}
    for event in events:
        component = event["Actor"]["Attributes"].get(LABEL_COMPONENT, "")
        when = event["timeNano"] / NANOSECONDS - begun
        if event["status"] == "start":
            starts.setdefault(component, when)
        elif event["status"] == HEALTHY:
            healths.setdefault(component, when)
    found = [Span(component, when, healths.get(component)) for component, when in starts.items()]
    return sorted(found, key=lambda span: span.started)


def chart(found: list[Span]) -> str:
    """A line per component: blank until it is started, a bar until it is healthy."""
    ends = [span.healthy for span in found if span.healthy is not None]
    if not ends:
        return ""
    total = max(ends)
    width = max(len(span.component) for span in found)
    lines = [f"{'':{width}}  0 s{f'{total:.0f} s':>{WIDTH - 3}}"]
    for span in found:
        start = round(span.started / total * WIDTH)
        end = WIDTH if span.healthy is None else max(start + 1, round(span.healthy / total * WIDTH))
        bar = " " * start + ("?" if span.healthy is None else "█") * (end - start)
        took = "never healthy" if span.healthy is None else f"{span.healthy - span.started:.1f} s"
        lines.append(f"{span.component:{width}}  {bar:{WIDTH}}  {took}")
    return "\n".join(lines)
