"""Waiting for conditions by polling until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from communication.gateway import Unexpected, Unreachable

POLL_SECONDS = 0.05
# Enough on a busy machine; only a bug takes longer.
DEADLINE_SECONDS = 30

Found = TypeVar("Found")


class NotInTime(AssertionError):
    """The condition was not met before its deadline."""


def until(
    probe: Callable[[], Found],
    what: str,
    seconds: float = DEADLINE_SECONDS,
    outage: bool = False,
    pause: float = POLL_SECONDS,
) -> Found:
    """Return the first true result of `probe`. `what` describes it in the error NotInTime.

    outage: retry if there is no response or its status is 5xx, instead of failing.
    """
    deadline = time.monotonic() + seconds
    last_error = ""
    while True:
        try:
            found = probe()
        except (Unexpected, Unreachable) as error:
            if not (outage and is_outage(error)):
                raise
            found, last_error = None, f"; the last response was {error.answer or error}"
        if found:
            return found
        if time.monotonic() > deadline:
            raise NotInTime(f"not within {seconds:g} s: {what}{last_error}")
        time.sleep(pause)


def is_outage(error: Unexpected | Unreachable) -> bool:
    """Whether the same request may succeed later."""
    return error.answer is None or error.answer.status >= 500
