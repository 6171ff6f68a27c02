"""The mode in which a play runs the roles. dev, validate and export share one list of roles and its tasks.

- converge: bring what is declared about.
- compare: change nothing; add what differs to the host's fact `compared`, for `validation_report`.
- describe: ask no engine; add what is declared to the host's fact `described`, for the export to Docker Compose.

A play sets the mode of all actions at once with `module_defaults`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudlab.compose import described

CONVERGE, COMPARE, DESCRIBE = "converge", "compare", "describe"
ARGUMENT = {"type": "str", "choices": [CONVERGE, COMPARE, DESCRIBE], "default": CONVERGE}

COMPARED = "compared"
# plans: role -> what its containers' plans say; stores: results of checks of what a store holds; gateway: result of the
# comparison of its configuration.
NOTHING_COMPARED: dict[str, Any] = {"plans": {}, "stores": [], "gateway": {}}


def describe(task_vars: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A task's result that adds to what the host has described so far; keys as in cloudlab.compose.described."""
    return _add(task_vars, described.FACT, described.NOTHING, more)


def compare(task_vars: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A task's result that adds to what the host has compared so far; keys as in NOTHING_COMPARED."""
    return _add(task_vars, COMPARED, NOTHING_COMPARED, more)


def _add(
    task_vars: Mapping[str, Any], fact: str, nothing: Mapping[str, Any], more: Mapping[str, Any]
) -> dict[str, Any]:
    known = task_vars.get("ansible_facts", {}).get(fact, nothing)
    joined = {
        key: [*value, *more.get(key, [])] if isinstance(value, list) else {**value, **more.get(key, {})}
        for key, value in known.items()
    }
    return {"changed": False, "ansible_facts": {fact: joined}}
