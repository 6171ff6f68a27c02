"""What the roles would have converged, gathered while a play runs.

The actions take the state `described`: they check what they are given, ask no engine and change nothing, and add what
they would have converged to the host's fact `described`, which the export reads.

    {"containers": [specification, …], "programs": [one-shot, …], "folders": {path: {file: text}},
     "images": {reference: build arguments}}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from cloudlab.containers.spec import Spec

STATE = "described"
CONVERGED = "converged"
NOTHING: dict[str, Any] = {"containers": [], "programs": [], "folders": {}, "images": {}}

# The argument of actions that know no other states.
ARGUMENT = {"type": "str", "choices": [CONVERGED, STATE], "default": CONVERGED}


def add(task_vars: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A task's result that adds to what the host has described so far."""
    facts = task_vars.get("ansible_facts", {}).get(STATE, NOTHING)
    joined = {
        key: [*known, *more.get(key, [])] if isinstance(known, list) else {**known, **more.get(key, {})}
        for key, known in facts.items()
    }
    return {"changed": False, "ansible_facts": {STATE: joined}}


def container(spec: Spec) -> dict[str, Any]:
    """A specification as plain data."""
    files = [dataclasses.asdict(file) for file in spec.files]
    return {
        "name": spec.name,
        "component": spec.component,
        "image": spec.image,
        "needs": list(spec.needs),
        "options": dict(spec.options),
        "files": [{key: file[key] for key in ("target", "mode", "content")} for file in files],
    }
