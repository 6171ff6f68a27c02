"""The mode of an action. The playbooks dev, validate and export run the same tasks in different modes.

- converge: apply the declaration.
- compare: change nothing; add the differences to the host's fact `compared`, for `validation_report`.
- describe: use no engine; add the declaration to the host's fact `described`, for the Docker Compose export.

A play sets the mode of all actions with `module_defaults`.
"""

from collections.abc import Mapping
from typing import Any

from cloudlab.compose import described

CONVERGE, COMPARE, DESCRIBE = "converge", "compare", "describe"
ARGUMENT = {"type": "str", "choices": [CONVERGE, COMPARE, DESCRIBE], "default": CONVERGE}

COMPARED = "compared"
# plans: role -> result of its containers' plans; stores: checks of the contents of each store; gateway: result of the
# comparison of its configuration.
NOTHING_COMPARED: dict[str, Any] = {"plans": {}, "stores": [], "gateway": {}}


def describe(task_vars: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The result of a task that adds to the fact `described`; keys as in cloudlab.compose.described."""
    return _add(task_vars, described.FACT, described.NOTHING, more)


def compare(task_vars: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The result of a task that adds to the fact `compared`; keys as in NOTHING_COMPARED."""
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
