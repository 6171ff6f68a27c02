"""Lines as the engine has them: at once, without any other component, back to the last rotation."""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from docker import APIClient
from docker.errors import APIError

from cloudlab import engine
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE
from cloudlab.observe.logs import lines
from cloudlab.observe.logs.lines import Line


def containers(client: APIClient, instance: str, components: list[str]) -> list[dict[str, Any]]:
    """The instance's containers, in any state: those of `components`, or all."""
    listed = client.containers(all=True, filters={"label": f"{LABEL_INSTANCE}={instance}"})
    return [item for item in listed if not components or item["Labels"][LABEL_COMPONENT] in components]


def history(client: APIClient, found: list[dict[str, Any]], since: float, until: float) -> Iterator[Line]:
    """The lines of containers between two seconds, in order of time."""
    return heapq.merge(
        *(_read(client, item["Id"], _name(item), _component(item), since, until) for item in found),
        key=lambda line: line.time,
    )


class Follower:
    """Lines of an instance as they are written, of containers that are made later too."""

    def __init__(self, instance: str, components: list[str], since: float):
        self._instance, self._components, self._since = instance, components, since
        self._lines: queue.Queue[Line] = queue.Queue()
        self._followed: set[str] = set()
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Line]:
        # Who is followed may start again at any time: each thread has a connection of its own, which waits.
        listener = engine.connect(timeout=None).client
        events = listener.events(
            decode=True,
            filters={"type": "container", "event": "start", "label": f"{LABEL_INSTANCE}={self._instance}"},
        )
        for item in containers(engine.connect().client, self._instance, self._components):
            self._follow(item["Id"], _name(item), _component(item), self._since)
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
        """Hand on what one container writes until it ends. When it starts again, an event says so."""
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
    """A container's lines. One that is gone has none."""
    limits: dict[str, Any] = {"since": since} | ({"until": until} if until else {})
    try:
        # The SDK ends the answer's connection with the iterator.
        chunks = client.logs(container, stdout=True, stderr=True, stream=True, timestamps=True, follow=follow, **limits)
        pending = b""
        for chunk in chunks:
            pending += chunk
            *whole, pending = pending.split(b"\n")
            for raw in whole:
                yield _line(raw, name, component)
        if pending:
            yield _line(pending, name, component)
    except APIError as error:
        if error.status_code not in (404, 409):  # gone, or about to go
            raise


def _line(raw: bytes, name: str, component: str) -> Line:
    stamp, _, text = raw.decode(errors="replace").rstrip("\r").partition(" ")
    return lines.parse(stamp, component, name, text)


def _name(item: dict[str, Any]) -> str:
    return item["Names"][0].lstrip("/")


def _component(item: dict[str, Any]) -> str:
    return item["Labels"][LABEL_COMPONENT]


def now() -> float:
    """The present second."""
    return time.time()
