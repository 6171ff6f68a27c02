"""Wait until a store answers, and give up at once when its container cannot bring it up.

A store's container runs for seconds before its server answers. The one question that counts is put to the server
itself (the probe); the engine is only asked after a probe that failed, so a store that is up costs no call to it.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import requests
from docker import APIClient
from docker.errors import DockerException, NotFound

from cloudlab.stores import diagnosis
from cloudlab.stores.base import StoreError
from cloudlab.stores.lazy_client import LazyClient

Answer = TypeVar("Answer")

INTERVAL = 0.1  # seconds between two probes
COMPARE_SECONDS = 5  # for a store that is to be compared and happens to be starting
RESTARTS_TOLERATED = 2  # a restart may be part of a recovery; more of them are a crash loop
LINES_SHOWN = 15
LINES_EXPLAINED = 300  # a server that dies logs its shutdown after the cause


class NotYetError(StoreError):
    """Raised by a probe: the server does not answer yet. Its text becomes the reason when the time is over."""


class NotReadyError(StoreError):
    """The store will not become ready: the text names the container, its state, the cause and its last log lines."""


def ask(container: str, probe: Callable[[], Answer], timeout: float, *, check_mode: bool) -> Answer | None:
    """The probe's answer, waited for as by :func:`wait_until`; None in check mode when the server does not answer.

    A converge would bring such a server up first: what check mode is asked about is missing then, and no failure.
    """
    client = LazyClient()
    try:
        return wait_until(client, container, probe, 0 if check_mode else timeout)
    except NotReadyError:
        if not check_mode:
            raise
        return None
    finally:
        client.close()


def soon(docker: LazyClient, container: str, probe: Callable[[], Answer]) -> Answer:
    """The probe's answer, waited for as by :func:`wait_until`, for a comparison of what runs."""
    return wait_until(docker, container, probe, COMPARE_SECONDS)


def wait_until(
    client: LazyClient,
    container: str,
    probe: Callable[[], Answer],
    timeout: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Probe until it answers, at most ``timeout`` seconds; returns the probe's answer.

    ``client``: the low-level client, ``engine.connect().client``. ``probe`` returns its answer (an open connection, a
    document) or raises :class:`NotYetError`; any other exception is an answer too (a refused password) and passes
    through. It bounds itself: no single probe may outlast ``timeout``. Raises :class:`NotReadyError` when the container
    is missing, stopped, paused or in a crash loop, and when the time is over.
    """
    deadline = clock() + timeout
    restarts_before: int | None = None
    while True:
        try:
            return probe()
        except NotYetError as error:
            reason = str(error)
        inspected = _inspect(client, container, reason)
        if restarts_before is None:
            restarts_before = inspected["RestartCount"]
        if trouble := _trouble(inspected, inspected["RestartCount"] - restarts_before):
            raise NotReadyError(_report(client, container, trouble))
        if clock() >= deadline:
            raise NotReadyError(_report(client, container, f"gives no answer after {timeout:g} s ({reason})"))
        pause(INTERVAL)


def last_lines(client: APIClient | LazyClient, container: str, count: int) -> list[str]:
    """The container's last log lines, both streams; empty when the engine cannot give them."""
    try:
        raw = client.logs(container, tail=count)
    except (DockerException, requests.RequestException):
        return []  # the report is about the store: a log that cannot be read must not hide it
    return raw.decode("utf-8", "replace").splitlines()


def _inspect(client: LazyClient, container: str, reason: str) -> dict:
    try:
        return client.inspect_container(container)
    except NotFound:
        raise NotReadyError(f"container {container} does not exist ({reason}): converge its component first") from None
    except (DockerException, requests.RequestException) as error:
        raise NotReadyError(f"container {container}: the engine does not answer: {error}") from error


def _trouble(inspected: dict, restarts: int) -> str | None:
    """Why this container cannot become ready; None while it may. ``restarts``: since the wait began."""
    state = inspected["State"]
    if restarts > RESTARTS_TOLERATED:
        return f"is in a crash loop: {restarts} restarts, last exit code {state['ExitCode']}"
    if state["Paused"]:
        return f"is paused: docker unpause {inspected['Name'].lstrip('/')}"
    if state["Running"] or state["Restarting"]:
        return None
    cause = ", out of memory: raise its memory limit" if state.get("OOMKilled") else ""
    return f"is not running: {state['Status']}, exit code {state['ExitCode']}{cause}"


def _report(client: LazyClient, container: str, trouble: str) -> str:
    lines = last_lines(client, container, LINES_EXPLAINED)
    parts = [f"container {container} {trouble}"]
    if explanation := diagnosis.explain(lines):
        parts.append(explanation)
    parts.append("its last log lines:" if lines else "it has written no log")
    return "\n".join(parts + [f"    {line}" for line in lines[-LINES_SHOWN:]])
