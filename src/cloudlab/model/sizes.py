"""Amounts of memory and disk, in Docker's notation."""

import re

_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def parse(text: str | int) -> int:
    """Bytes of `text`, for example 512m, 1.5g or 1048576. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", str(text).strip().lower())
    if not match:
        raise ValueError(f"{text!r} is not an amount of memory; write for example 512m or 2g")
    return int(float(match.group(1)) * _UNITS[match.group(2)])


def show(amount: float) -> str:
    """`amount` bytes in a readable unit, for example 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit in ("B", "KiB", "MiB") else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
