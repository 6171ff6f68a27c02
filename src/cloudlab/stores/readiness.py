"""Waits until a store answers, and gives up immediately when its container failed.

The server itself is probed; the engine is only asked after a failed probe, so a store that answers costs no call to it.
"""

from collections.abc import Callable
from typing import TypeVar

import requests
from docker.errors import DockerException

from cloudlab.engine import causes, waiting
from cloudlab.engine.waiting import Watcher
from cloudlab.stores import diagnosis
from cloudlab.stores.base import StoreError
from cloudlab.stores.lazy_client import LazyClient

Answer = TypeVar("Answer")

COMPARE_SECONDS = 5  # for a store that is compared while it happens to be starting
LINES_EXPLAINED = 300  # a server logs its shutdown after the cause of its crash


class NotYetError(StoreError, waiting.NotYet):
    """A probe failed: the server does not answer yet; the text says why."""


class NotReadyError(StoreError):
    """The store will not become ready: the text names the container, the cause and its last log lines."""


def ask(container: str, probe: Callable[[], Answer], timeout: float, *, check_mode: bool) -> Answer | None:
    """The probe's answer, waited for as by :func:`wait_until`; None in check mode when the server does not answer.

    A converge would start such a server first, so in check mode it is not a failure.
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


def wait_until(
    client: LazyClient,
    container: str,
    probe: Callable[[], Answer],
    timeout: float = COMPARE_SECONDS,
    watcher: Watcher | None = None,
) -> Answer:
    """Probe until it answers, at most ``timeout`` seconds; returns the probe's answer.

    ``probe`` returns its answer (an open connection, a document) or raises :class:`NotYetError`; any other exception
    (a refused password) passes through. It bounds itself: no single probe may outlast ``timeout``. Raises
    :class:`NotReadyError` when the container cannot bring the server up, and when the time is over.
    """
    watcher = Watcher(client) if watcher is None else watcher

    def question() -> Answer:
        try:
            return probe()
        except NotYetError:
            watcher.inspect(container)
            raise

    try:
        return watcher.until(question, timeout)
    except NotYetError as error:
        cause = f"does not answer after {timeout:g} s ({error})"
    except waiting.NotReady as error:
        cause = str(error)
    except (DockerException, requests.RequestException) as error:
        raise NotReadyError(f"container {container}: the engine does not answer: {error}") from error
    raise NotReadyError(_report(client, container, cause))


def _report(client: LazyClient, container: str, cause: str) -> str:
    lines = causes.last_lines(client, container, LINES_EXPLAINED)
    parts = [f"container {container} {cause}"]
    if explanation := diagnosis.explain(lines):
        parts.append(explanation)
    parts.append("its last log lines:" if lines else "it has written no log")
    return "\n".join(parts + [f"    {line}" for line in lines[-causes.LOG_LINES :]])
