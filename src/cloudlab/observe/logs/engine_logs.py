"""Log lines from the engine: without delay and without other components, back to the last rotation."""

import heapq
import queue
import threading
from collections.abc import Iterator
from typing import Any

from docker import APIClient
from docker.errors import APIError

from cloudlab import engine
from cloudlab.engine.listing import of_instance
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE, name_of
from cloudlab.observe.logs import lines
from cloudlab.observe.logs.lines import Line


def containers(client: APIClient, instance: str, components: list[str]) -> list[dict[str, Any]]:
    """The instance's containers, in any state: those of `components`, or all."""
    listed = of_instance(client, instance)
    return [item for item in listed if not components or item["Labels"][LABEL_COMPONENT] in components]


def history(client: APIClient, found: list[dict[str, Any]], since: float, until: float) -> Iterator[Line]:
    """The lines of containers between two times (epoch seconds), sorted by time."""
    return heapq.merge(
        *(_read(client, item["Id"], name_of(item), _component(item), since, until) for item in found),
        key=lambda line: line.time,
    )


class Follower:
    """New lines of an instance, including those of containers that are created later."""

    def __init__(self, instance: str, components: list[str], since: float):
        self._instance, self._components, self._since = instance, components, since
        self._lines: queue.Queue[Line] = queue.Queue()
        self._followed: set[str] = set()
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Line]:
        # A followed container can restart at any time. Each thread has a connection of its own without timeout.
        listener = engine.connect(timeout=None).client
        events = listener.events(
            decode=True,
            filters={"type": "container", "event": "start", "label": f"{LABEL_INSTANCE}={self._instance}"},
        )
        for item in containers(engine.connect().client, self._instance, self._components):
            self._follow(item["Id"], name_of(item), _component(item), self._since)
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()
        while True:
            yield self._lines.get()

    def _listen(self, events: Iterator[dict[str, Any]]) -> None:
        for event in events:
            about = event["Actor"]["Attributes"]
            if not self._components or about[LABEL_COMPONENT] in self._components:
                self._follow(event["Actor"]["ID"], about["name"], about[LABEL_COMPONENT], event["timeNano"] / 1e9)

    def _follow(self, container: str, name: str, component: str, since: float) -> None:
        with self._lock:
            if container in self._followed:
                return
            self._followed.add(container)
        arguments = (container, name, component, since)
        threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(self, container: str, name: str, component: str, since: float) -> None:
        """Queue the lines of one container until it stops. An event reports its next start."""
        client = engine.connect(timeout=None).client
        try:
            for line in _read(client, container, name, component, since, follow=True):
                self._lines.put(line)
        finally:
            with self._lock:
                self._followed.discard(container)


def _read(
    client: APIClient, container: str, name: str, component: str, since: float, until: float = 0, follow: bool = False
) -> Iterator[Line]:
    """The lines of a container; none if it was removed."""
    limits: dict[str, Any] = {"since": since} | ({"until": until} if until else {})
    try:
        # The SDK closes the connection at the end of the iteration.
        chunks = client.logs(container, stdout=True, stderr=True, stream=True, timestamps=True, follow=follow, **limits)
        pending = b""
        for chunk in chunks:
            pending += chunk
            *complete, pending = pending.split(b"\n")
            for raw in complete:
                yield _line(raw, name, component)
        if pending:
            yield _line(pending, name, component)
    except APIError as error:
        if error.status_code not in (404, 409):  # removed, or being removed
            raise


def _line(raw: bytes, name: str, component: str) -> Line:
    stamp, _, text = raw.decode(errors="replace").rstrip("\r").partition(" ")
    return lines.parse(stamp, component, name, text)


def _component(item: dict[str, Any]) -> str:
    return item["Labels"][LABEL_COMPONENT]
