"""Known crashes of stores at startup, recognised by their log, with a fix.

A crash message has the container's last log lines. If these do not show a fix, :func:`explain` adds it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cloudlab.stores import registry


@dataclass(frozen=True)
class Fault:
    """A known crash: the ``pattern`` in its log lines, and the ``message`` with its cause and fix."""

    pattern: re.Pattern[str]
    message: str


# Crashes of any store.
COMMON: tuple[Fault, ...] = (
    Fault(
        re.compile(r"java\.lang\.OutOfMemoryError: Java heap space"),
        "The Java heap is too small for what the store holds: raise its <role>_heap, and its memory limit with it.",
    ),
    Fault(
        re.compile(r"No space left on device"),
        "The engine's disk is full: `docker system df` shows what uses the space.",
    ),
)


def explain(lines: Iterable[str]) -> str | None:
    """The message of the first known fault in a container's log lines; None if there is none."""
    text = "\n".join(lines)
    return next((fault.message for fault in (*registry.faults(), *COMMON) if fault.pattern.search(text)), None)
