"""Determine which component caused a failed check. Pure functions."""

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
    """The component that most likely failed, and why.

    :param path: the components that the check passes, in order.
    :param states: component -> state of its container.
    :param logged: component -> log lines with the request's id, for those that were searched.
    :param answer: the unexpected response, or the last one before the deadline.
    :param consequence: whether the request was already answered and its effects are expected on the whole path;
        otherwise it is the last request, answered by one of the components.
    """
    named = answer.problem.get("service", "") if answer else ""
    for component in [named] if named else path:
        state = states.get(component, "absent")
        if state != HEALTHY:
            return component, f"its container is {state}"
    if named:
        return named, "its container is healthy, but the gateway could not forward the request to it"
    return _by_logs(path, logged, consequence)


def _by_logs(path: Sequence[str], logged: Mapping[str, int], consequence: bool) -> tuple[str, str]:
    if consequence:
        unlogged = [component for component in path if logged.get(component) == 0]
        if unlogged:
            return unlogged[0], "its container is healthy, but its log does not contain the request"
        return path[-1], "all components on the path have logged the request"
    logging = [component for component in path if component != GATEWAY and logged.get(component)]
    if logging:
        return logging[0], "its container is healthy; it received the request"
    return path[0] if logged else path[-1], "its container is healthy; no service on the path has logged the request"
