"""YAML files as plain data."""

from pathlib import Path
from typing import Any

import yaml

# libyaml's parser if PyYAML has it: eight times as fast, and every run reads about twenty files.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

ParseError = yaml.YAMLError


def load(path: Path) -> Any:
    """The document in `path`. Raises OSError, UnicodeDecodeError and ParseError."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - both are safe loaders


def reason(error: Exception) -> str:
    """Why a file cannot be loaded, with the place, and without the line itself, which may hold a secret."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}."
    return " ".join(str(error).split())
