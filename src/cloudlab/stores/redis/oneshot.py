"""Redis has no declared contents."""

from collections.abc import Mapping
from typing import Any


def one_shot(arguments: Mapping[str, Any]) -> None:
    """None: there is nothing to initialise."""
