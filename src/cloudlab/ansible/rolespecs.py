"""Validates the variables of all roles against their argument specs.

Ansible validates each role in a separate task, which takes half of the time of a run without changes. Therefore the
plays import roles with `rolespec_validate: false`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from cloudlab.model.rolespecs import options


def problems(roles: list[Path], values: Mapping[str, Any]) -> list[str]:
    """The problems of the roles' variables in `values`; a message each."""
    found = []
    for role in roles:
        spec = {name: _checked(option) for name, option in options(role).items() if name in values}
        result = ArgumentSpecValidator(spec).validate({name: values[name] for name in spec})
        found += [f"role {role.name}: {message}" for message in result.error_messages]
    return found


def _checked(option: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an option's spec that constrain a value."""
    return {key: option[key] for key in ("type", "elements", "choices", "options") if key in option}
