"""Which hop of a failed check is to blame. Pure functions over what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from communication.gateway import Answer

HEALTHY = "healthy"


def failed_hop(
    path: Sequence[str], states: Mapping[str, str], logged: Mapping[str, int], answer: Answer | None
) -> tuple[str, str]:
    """The component to look at, and why.

    :param path: the components that the check passes, in order.
    :param states: component -> state of its container.
    :param logged: component -> log lines with the request's id, for those that were looked through.
    :param answer: the answer that was not as expected, or the last one before the deadline.
    """
    for component in path:
        if states.get(component, "absent") != HEALTHY:
            return component, f"its container is {states.get(component, 'absent')}"
    named = answer.problem.get("service", "") if answer else ""
    if named:
        return named, "the gateway could not pass the request on to it"
    silent = [component for component in path if logged.get(component) == 0]
    if silent:
        return silent[0], "its container is healthy, but the request never arrived there: its log does not have it"
    return path[-1], "all containers on the way are healthy"
