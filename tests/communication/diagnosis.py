"""Which hop of a failed check is to blame. Pure functions over what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from communication.gateway import Answer
from communication.instance import GATEWAY

HEALTHY = "healthy"


def failed_hop(
    path: Sequence[str],
    states: Mapping[str, str],
    logged: Mapping[str, int],
    answer: Answer | None,
    consequence: bool,
) -> tuple[str, str]:
    """The component to look at, and why.

    :param path: the components that the check passes, in order.
    :param states: component -> state of its container.
    :param logged: component -> log lines with the request's id, for those that were looked through.
    :param answer: the answer that was not as expected, or the last one before the deadline.
    :param consequence: whether the request, answered long since, was to pass all of the path; otherwise it is the one
        that was answered last, by one of them.
    """
    named = answer.problem.get("service", "") if answer else ""
    for component in [named] if named else path:
        state = states.get(component, "absent")
        if state != HEALTHY:
            return component, f"its container is {state}"
    if named:
        return named, "its container is healthy, but the gateway could not pass the request on to it"
    return _by_logs(path, logged, consequence)


def _by_logs(path: Sequence[str], logged: Mapping[str, int], consequence: bool) -> tuple[str, str]:
    if consequence:
        silent = [component for component in path if logged.get(component) == 0]
        if silent:
            return silent[0], "its container is healthy, but its log does not have the request"
        return path[-1], "everybody on the way has logged the request"
    heard = [component for component in path if component != GATEWAY and logged.get(component)]
    if heard:
        return heard[0], "its container is healthy; it took the request"
    return path[0] if logged else path[-1], "its container is healthy; no service on the way has logged the request"
