"""Conditions that come true some time later: asked again and again until a deadline, never slept for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from communication.gateway import Unexpected, Unreachable

POLL_SECONDS = 0.05
# What takes a moment, on a machine that is busy otherwise. Only a fault takes longer.
DEADLINE_SECONDS = 30

Found = TypeVar("Found")


class NotInTime(AssertionError):
    """The condition did not come true before its deadline."""


def until(
    probe: Callable[[], Found],
    what: str,
    seconds: float = DEADLINE_SECONDS,
    outage: bool = False,
    pause: float = POLL_SECONDS,
) -> Found:
    """What `probe` returns as soon as that is true. `what` names it for the error, NotInTime.

    outage: an answer that says "not now" (status 5xx, or none at all) is one more reason to ask again, not a failure.
    """
    deadline = time.monotonic() + seconds
    obstacle = ""
    while True:
        try:
            found = probe()
        except (Unexpected, Unreachable) as error:
            if not (outage and is_outage(error)):
                raise
            found, obstacle = None, f"; the last answer was {error.answer or error}"
        if found:
            return found
        if time.monotonic() > deadline:
            raise NotInTime(f"not within {seconds:g} s: {what}{obstacle}")
        time.sleep(pause)


def is_outage(error: Unexpected | Unreachable) -> bool:
    """Whether the same request may succeed later."""
    return error.answer is None or error.answer.status >= 500
