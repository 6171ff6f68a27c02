"""Redis: nothing is declared of what it holds."""

from collections.abc import Mapping
from typing import Any


def one_shot(arguments: Mapping[str, Any]) -> None:
    """Nothing: a Redis that runs has all that is declared."""
