"""Redis has no declared objects."""

from collections.abc import Mapping
from typing import Any


def one_shot(arguments: Mapping[str, Any]) -> None:
    """None: Redis has no declared objects."""
