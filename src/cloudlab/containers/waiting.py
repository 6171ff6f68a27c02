"""Readiness of containers that run already: one list call per round, inspects only for those that look wrong."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import NotFound

from cloudlab.containers import causes
from cloudlab.engine import Engine

ROUND_SECONDS = 0.2
LOOP_RESTARTS = 3  # after so many restarts it is not a matter of time any more
INSPECT_SECONDS = 1.0  # a crash between two rounds is only seen in the number of restarts


class NotReady(Exception):
    """A container that will not become ready, or did not in time."""


@dataclass
class _Watched:
    container_id: str
    deadline: float
    seconds: float
    restarts: int | None = None
    inspected: float = 0.0


class Watcher:
    """Containers that are waited for, by name."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._watched: dict[str, _Watched] = {}

    def __len__(self) -> int:
        return len(self._watched)

    def add(self, name: str, container_id: str, seconds: float) -> None:
        """Wait for a container for so many seconds from now."""
        self._watched[name] = _Watched(container_id, time.monotonic() + seconds, seconds)

    def poll(self) -> dict[str, NotReady | None]:
        """Those that are decided now: None for a healthy one, the reason for one that failed."""
        listed = self._list([item.container_id for item in self._watched.values()])
        decided: dict[str, NotReady | None] = {}
        for name, item in list(self._watched.items()):
            try:
                ready = self._look(item, listed.get(item.container_id))
            except NotReady as error:
                decided[name] = error
            else:
                if ready:
                    decided[name] = None
        for name in decided:
            del self._watched[name]
        return decided

    def _list(self, ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        listed = self._engine.client.containers(all=True, filters={"id": list(ids)})
        return {entry["Id"]: entry for entry in listed}

    def _look(self, item: _Watched, entry: Mapping[str, Any] | None) -> bool:
        """Whether it is healthy; NotReady when it never will be."""
        if entry is None:
            raise NotReady("somebody removed it while it was starting")
        if entry["State"] == "running" and "(healthy)" in entry["Status"]:
            return True
        now = time.monotonic()
        if entry["State"] != "running" or now - item.inspected >= INSPECT_SECONDS or now > item.deadline:
            item.inspected = now
            self._examine(item, now)
        return False

    def _examine(self, item: _Watched, now: float) -> None:
        """Inspect one that is not healthy yet, and give it up when that is hopeless."""
        try:
            container = self._engine.client.inspect_container(item.container_id)
        except NotFound:
            raise NotReady("somebody removed it while it was starting") from None
        state = container["State"]
        restarts = container.get("RestartCount", 0)
        if item.restarts is None:
            item.restarts = restarts if state["Status"] == "running" else 0
        crashes = restarts - item.restarts
        if state["Status"] == "running":
            # How it ended is only told while it does not run; wait for the next end, but not for ever.
            if crashes >= 2 * LOOP_RESTARTS:
                raise NotReady(f"it crashes again and again ({crashes} restarts)")
        elif state.get("OOMKilled") or state["Status"] in ("exited", "dead"):
            raise NotReady(f"it does not run: {causes.ending(state)}")
        elif crashes >= LOOP_RESTARTS:
            raise NotReady(f"it crashes again and again ({crashes} restarts): {causes.ending(state)}")
        if now > item.deadline:
            raise NotReady(_too_late(item, state))


def _too_late(item: _Watched, state: Mapping[str, Any]) -> str:
    """What a container was doing when its time was over."""
    waited = f"not healthy within {item.seconds:g} s"
    if state.get("Paused"):
        return f"{waited}: it is paused"
    health = state.get("Health") or {}
    if health.get("Status") in (None, "none"):
        return f"{waited}: it has no health check"
    log = health.get("Log") or []
    if not log:
        return f"{waited}: its health check has not run yet"
    last = log[-1]
    said = " ".join((last.get("Output") or "").split())[:300]
    return f"{waited}: its health check {_verdict(last)}{f': {said}' if said else ''}"


def _verdict(probe: Mapping[str, Any]) -> str:
    code = probe.get("ExitCode")
    return (
        "takes longer than its timeout"
        if code == -1
        else f"fails with exit code {code}"
        if code
        else "has only just passed"
    )
