"""Waiting for containers: polling with a deadline, and the one rule for when a container is given up.

A container is given up when it is removed, paused, has stopped, ran out of memory, or is in a crash loop: CRASHES
restarts since the wait began, or in all if it was between two starts then. Why it crashes is only known between the end
of its process and the next start; one that is always found running is given up after twice as many restarts.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from docker.errors import NotFound

from cloudlab.engine import causes

Answer = TypeVar("Answer")

INTERVAL = 0.2  # seconds between two rounds
INSPECT_SECONDS = 1.0  # a crash between two rounds only shows in the number of restarts
CRASHES = 3


class NotReady(Exception):
    """A container will not become ready, or did not in time; the text is the cause."""


class NotYet(Exception):
    """What is waited for has not happened yet; the text says what is missing."""


@dataclass
class _Pending:
    container_id: str
    deadline: float
    seconds: float
    inspected: float = -math.inf


class Watcher:
    """One wait, for any number of containers or for the answer to a question.

    client: the engine's low-level client. clock, sleep: replaced in tests.
    """

    def __init__(
        self, client: Any, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ):
        self._client = client
        self.clock = clock
        self._sleep = sleep
        self._restarts: dict[str, int] = {}  # container id -> number of restarts when the wait began
        self._pending: dict[str, _Pending] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether an added container is not decided yet."""
        return bool(self._pending)

    def until(self, question: Callable[[], Answer], seconds: float = math.inf) -> Answer:
        """The answer to `question`, asked again while it raises NotYet; the last NotYet when `seconds` are over."""
        deadline = self.clock() + seconds
        while True:
            try:
                return question()
            except NotYet:
                if self.clock() >= deadline:
                    raise
            self.pause()

    def pause(self) -> None:
        """Sleep until the next round."""
        self._sleep(INTERVAL)

    def inspect(self, container: str) -> Mapping[str, Any]:
        """The inspected container, by name or id. Raises NotReady when it will not become ready."""
        try:
            inspected: Mapping[str, Any] = self._client.inspect_container(container)
        except NotFound:
            raise NotReady("does not exist. Converge its component") from None
        if problem := self.problem(inspected):
            raise NotReady(problem)
        return inspected

    def problem(self, container: Mapping[str, Any]) -> str:
        """Why an inspected container will not become ready; empty while it may."""
        state, restarts = container["State"], container.get("RestartCount", 0)
        running = state["Status"] == "running"
        crashes = restarts - self._restarts.setdefault(container["Id"], restarts if running else 0)
        if running:
            return f"is in a crash loop: {crashes} restarts" if crashes >= 2 * CRASHES else ""
        if state["Status"] == "paused":
            return f"is paused. Run docker unpause {container['Name'].lstrip('/')}"
        if state["Status"] != "restarting" or state.get("OOMKilled"):
            return f"is not running: {causes.ending(state)}"
        return f"is in a crash loop: {crashes} restarts, {causes.ending(state)}" if crashes >= CRASHES else ""

    def add(self, name: str, container_id: str, seconds: float) -> None:
        """Wait until a container is healthy, for so many seconds from now."""
        self._pending[name] = _Pending(container_id, self.clock() + seconds, seconds)

    def poll(self) -> dict[str, NotReady | None]:
        """The added containers that are decided now: None for a healthy one, the reason for one that failed.

        One list call; only those that are not healthy are inspected.
        """
        ids = [item.container_id for item in self._pending.values()]
        listed = {entry["Id"]: entry for entry in self._client.containers(all=True, filters={"id": ids})}
        decided: dict[str, NotReady | None] = {}
        for name, item in self._pending.items():
            try:
                if self._is_healthy(item, listed.get(item.container_id)):
                    decided[name] = None
            except NotReady as error:
                decided[name] = error
        for name in decided:
            del self._pending[name]
        return decided

    def finish(self) -> dict[str, NotReady]:
        """Wait until all added containers are decided; those that failed."""
        failed: dict[str, NotReady] = {}
        while self._pending:
            failed |= {name: error for name, error in self.poll().items() if error}
            if self._pending:
                self.pause()
        return failed

    def _is_healthy(self, item: _Pending, entry: Mapping[str, Any] | None) -> bool:
        if entry and entry["State"] == "running" and "(healthy)" in entry["Status"]:
            return True
        now = self.clock()
        late = now > item.deadline
        if late or not entry or entry["State"] != "running" or now - item.inspected >= INSPECT_SECONDS:
            item.inspected = now
            state = self.inspect(item.container_id)["State"]
            if late:
                raise NotReady(f"is not healthy after {item.seconds:g} s: {health_problem(state)}")
        return False


def health_problem(state: Mapping[str, Any]) -> str:
    """Why a running container is not healthy, from its last health check."""
    health = state.get("Health") or {}
    if health.get("Status") in (None, "none"):
        return "it has no health check"
    log = health.get("Log") or []
    if not log:
        return "its health check has not run yet"
    code, output = log[-1].get("ExitCode"), " ".join((log[-1].get("Output") or "").split())[:300]
    if not code:
        return "its health check passed only now"
    result = "takes longer than its timeout" if code == -1 else f"fails with exit code {code}"
    return f"its health check {result}" + (f": {output}" if output else "")
