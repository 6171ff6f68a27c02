"""The variables of all roles against their argument specs, at once.

Ansible would check each role in a task of its own: a process per role, also for those that a run does not touch, which
is half of what a run with nothing to do costs. The plays import roles with `rolespec_validate: false` and check here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from cloudlab.model.rolespecs import options


def problems(roles: list[Path], values: Mapping[str, Any]) -> list[str]:
    """What is wrong with those of the roles' variables that `values` holds; a message each."""
    found = []
    for role in roles:
        spec = {name: _checked(option) for name, option in options(role).items() if name in values}
        result = ArgumentSpecValidator(spec).validate({name: values[name] for name in spec})
        found += [f"role {role.name}: {message}" for message in result.error_messages]
    return found


def _checked(option: Mapping[str, Any]) -> dict[str, Any]:
    """What of an option's spec constrains a value that is there."""
    return {key: option[key] for key in ("type", "elements", "choices", "options") if key in option}
