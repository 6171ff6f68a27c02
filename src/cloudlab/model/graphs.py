"""Dependency graphs: closure, startup order and cycles."""

import graphlib
import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def closure(names: Iterable[str], needs: Callable[[str], Iterable[str]]) -> set[str]:
    """`names` and everything that they need, directly and indirectly."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs(name)
    return found


def cycle(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """One cycle in `needs` (name -> names that it needs) as [a, b, a]; empty if there is none."""
    try:
        _sorter(needs).prepare()
    except graphlib.CycleError as error:
        # graphlib lists a dependency before its dependent.
        [*found, _] = reversed(error.args[1])
        start = found.index(min(found))
        return [*found[start:], *found[:start], found[start]]
    return []


def order(needs: Mapping[str, Iterable[str]], rank: Callable[[str], Any]) -> list[str]:
    """The names after their dependencies and, where the order is free, by `rank`.

    Raises graphlib.CycleError.
    """
    sorter = _sorter(needs)
    sorter.prepare()
    ready: list[tuple[Any, str]] = []
    ordered = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, (rank(name), name))
        _, name = heapq.heappop(ready)
        ordered.append(name)
        sorter.done(name)
    return ordered


def _sorter(needs: Mapping[str, Iterable[str]]) -> graphlib.TopologicalSorter[str]:
    return graphlib.TopologicalSorter({name: sorted(set(needed)) for name, needed in needs.items()})
