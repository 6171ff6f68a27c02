"""The components as docs/components.md describes them. Tests expect this, so that code and documentation cannot both be
wrong without a test failing."""

import functools
import re
from dataclasses import dataclass, field

from lab import ROOT

DOCUMENT = ROOT / "docs" / "components.md"


@dataclass
class Component:
    """A row of the table of components, with its rows of the table of ports.

    ``from_packages``: whether an image for it can be built without a registry.
    ``ports``: name of a port -> (port on 127.0.0.1 before PORT_OFFSET, port in the container).
    """

    kind: str
    from_packages: bool
    needs: set[str]
    networks: set[str]
    profiles: set[str]
    ports: dict[str, tuple[int, int]] = field(default_factory=dict)


@functools.cache
def components() -> dict[str, Component]:
    """Component name -> its documentation."""
    found = {
        row["component"]: Component(
            kind=row["kind"],
            from_packages="packages" in row["image from"],
            needs=_names(row["needs"]),
            networks=_names(row["networks"]),
            profiles=_names(row["profiles"]),
        )
        for row in table("Containers")
    }
    for row in table("Ports"):
        found[row["component"]].ports[row["purpose"]] = int(row["port"]), int(row["port in the container"])
    return found


def of_profile(profile: str) -> set[str]:
    """Names of the components that the profile lists."""
    return {name for name, component in components().items() if profile in component.profiles}


def tools() -> set[str]:
    """Names of the web tools."""
    return {name for name in of_profile("tools") if components()[name].kind == "tool"}


def tools_from_packages() -> set[str]:
    """Names of the web tools that can run without a registry."""
    return {name for name in tools() if components()[name].from_packages}


def with_dependencies(*names: str) -> set[str]:
    """The components and everything that they need, directly or not."""
    found = set(names)
    for name in names:
        found |= with_dependencies(*components()[name].needs)
    return found


def members(network: str) -> set[str]:
    """Names of the components on the network."""
    return {name for name, component in components().items() if network in component.networks}


def table(heading: str) -> list[dict[str, str]]:
    """The rows of the first table below a heading: column -> cell."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    [below] = [part for part in section if part.startswith(f"{heading}\n")]
    head, _, *rows = [line for line in below.splitlines() if line.startswith("|")]
    return [dict(zip(_cells(head), _cells(row), strict=True)) for row in rows]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _names(cell: str) -> set[str]:
    return {name for name in cell.split(", ") if name}
