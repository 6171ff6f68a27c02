"""Readable JSON: a value that fits on a line is written on one line."""

import json
from collections.abc import Mapping
from typing import Any

WIDTH = 120


def write(value: Any, indent: str = "") -> str:
    """The value as JSON, without a final newline; `indent` is the indentation of its line."""
    short = json.dumps(value)
    if not isinstance(value, Mapping | list) or len(indent) + len(short) <= WIDTH:
        return short
    inner = indent + "  "
    if isinstance(value, Mapping):
        parts = [f"{json.dumps(key)}: {write(entry, inner)}" for key, entry in value.items()]
    else:
        parts = [write(entry, inner) for entry in value]
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    return opening + "\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}{closing}"
