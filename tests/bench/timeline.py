"""When each container of an instance was started and when it was healthy: where the time of a start goes."""

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
    """A component's way, in seconds after the begin: its start, and its first health; None while it has none."""

    component: str
    started: float
    healthy: float | None


class Watch:
    """Listens to the engine's events while it is entered.

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
        """What was seen, in the order of the starts."""
        return spans(self._seen, self._begun)


def spans(events: list[Mapping[str, Any]], begun: float) -> list[Span]:
    """The first start and the first health of every component among the engine's events."""
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


def picture(found: list[Span]) -> str:
    """A line per component: blank until it is started, a bar until it is healthy."""
    ends = [span.healthy for span in found if span.healthy is not None]
    if not ends:
        return ""
    whole = max(ends)
    width = max(len(span.component) for span in found)
    lines = [f"{'':{width}}  0 s{f'{whole:.0f} s':>{WIDTH - 3}}"]
    for span in found:
        start = round(span.started / whole * WIDTH)
        end = WIDTH if span.healthy is None else max(start + 1, round(span.healthy / whole * WIDTH))
        bar = " " * start + ("?" if span.healthy is None else "█") * (end - start)
        took = "never healthy" if span.healthy is None else f"{span.healthy - span.started:.1f} s"
        lines.append(f"{span.component:{width}}  {bar:{WIDTH}}  {took}")
    return "\n".join(lines)
