"""The variables that roles describe in their argument specs."""

import functools
from pathlib import Path
from typing import Any

from cloudlab.model import yamlfile


@functools.cache
def options(role: Path) -> dict[str, dict[str, Any]]:
    """The options of a role's entry point `main`: name -> spec."""
    path = role / "meta" / "argument_specs.yml"
    document = yamlfile.load(path) if path.exists() else {}
    return document.get("argument_specs", {}).get("main", {}).get("options") or {}


def names(roles: list[Path]) -> set[str]:
    """The names of all variables that the roles describe."""
    return {name for role in roles for name in options(role)}
