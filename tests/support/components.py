"""The components that docs/components.md lists: tests neither repeat the lists nor ask the code under test."""

import functools
import re

from lab import ROOT


@functools.cache
def table(heading: str) -> list[dict[str, str]]:
    """The rows of the table below a heading: column -> cell."""
    text = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    columns, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", section, re.MULTILINE)
    ]
    return [dict(zip(columns, row, strict=True)) for row in rows]


def cells(row: dict[str, str], column: str) -> set[str]:
    """The names in a cell."""
    return set(filter(None, row[column].split(", ")))


def named(*kinds: str, profile: str = "full", anywhere: bool = True) -> set[str]:
    """The components of these kinds, or of all, in a profile; `anywhere`: those that can run without a registry."""
    return {
        row["component"]
        for row in table("Containers")
        if (not kinds or row["kind"] in kinds)
        and profile in cells(row, "profiles")
        and ("packages" in row["image from"]) == anywhere
    }


def needs(*names: str) -> set[str]:
    """What these components need directly."""
    return set().union(*(cells(row, "needs") for row in table("Containers") if row["component"] in names))


def members(network: str) -> set[str]:
    """The components in a network."""
    return next(cells(row, "members") for row in table("Networks") if row["network"] == network)


def ports(component: str) -> dict[str, tuple[int, int]]:
    """Port of a component -> its number on the host, without an offset, and in the container."""
    return {
        row["purpose"]: (int(row["port"]), int(row["port in the container"]))
        for row in table("Ports")
        if row["component"] == component
    }
