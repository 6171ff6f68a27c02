"""Known ways in which a store dies at its start, recognised by its log and explained with the way out.

A crash message quotes a container's last log lines; for the few faults whose log says what broke but not how to
mend it, :func:`explain` adds the sentence that is missing. A pure function over text: whoever reports a dead container
(the containers action, a store's action) may ask it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cloudlab.stores import registry


@dataclass(frozen=True)
class Fault:
    """One recognisable crash: a pattern its log matches, and what the person is told.

    ``pattern``: searched in the joined log lines. ``message``: what it means and how to mend it.
    """

    pattern: re.Pattern[str]
    message: str


# Those that every store may meet.
COMMON: tuple[Fault, ...] = (
    Fault(
        re.compile(r"java\.lang\.OutOfMemoryError: Java heap space"),
        "The Java heap is too small for what the store holds: raise its <role>_heap, and its memory limit with it.",
    ),
    Fault(
        re.compile(r"No space left on device"),
        "The engine's disk is full: `docker system df` shows what holds the space.",
    ),
)


def explain(lines: Iterable[str]) -> str | None:
    """The explanation of the first known fault in a container's log lines; None when there is none."""
    text = "\n".join(lines)
    return next((fault.message for fault in (*registry.faults(), *COMMON) if fault.pattern.search(text)), None)
