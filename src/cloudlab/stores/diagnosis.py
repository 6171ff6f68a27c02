"""Known crashes of stores, recognized by their logs.

Error messages quote a container's last log lines. For faults whose log does not show how to fix them, :func:`explain`
adds that.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cloudlab.stores import registry


@dataclass(frozen=True)
class Fault:
    """A known crash. ``pattern``: searched in the joined log lines. ``message``: the cause and how to fix it."""

    pattern: re.Pattern[str]
    message: str


# Those of all stores.
COMMON: tuple[Fault, ...] = (
    Fault(
        re.compile(r"java\.lang\.OutOfMemoryError: Java heap space"),
        "The Java heap is too small for the store's data. Raise its <role>_heap, and its memory limit with it.",
    ),
    Fault(
        re.compile(r"No space left on device"),
        "The engine's disk is full. `docker system df` shows what uses the space.",
    ),
)


def explain(lines: Iterable[str]) -> str | None:
    """The explanation of the first known fault in a container's log lines; None when there is none."""
    text = "\n".join(lines)
    return next((fault.message for fault in (*registry.faults(), *COMMON) if fault.pattern.search(text)), None)
