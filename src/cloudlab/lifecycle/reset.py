"""What a reset removes: worked out first, shown, and only then removed.

Nothing without this instance's label is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudlab.model import catalogue
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE
from cloudlab.model.problems import ProblemsError

LEVELS = ("component", "data", "everything")


class ResetError(ProblemsError):
    """What was asked for cannot be done; `problems` holds a message each."""


def plan(
    level: str,
    names: Iterable[str],
    components: catalogue.Catalogue,
    instance: str,
    stock: Mapping[str, list[Mapping[str, Any]]],
) -> dict[str, Any]:
    """What to remove, as {"containers", "volumes", "networks": names in order of removal, "directory": bool}.

    :param level: `component` removes containers, `data` their volumes as well, `everything` all that the instance has.
    :param names: components of the levels `component` and `data`.
    :param stock: what the engine holds (`stock.take`).

    Raises ResetError for an unknown level, and for components that are unknown, missing, or not wanted.
    """
    names = list(names)
    _check(level, names, components)
    chosen = None if level == "everything" else _with_companions(names, components, level)
    containers = [
        (item["Labels"].get(LABEL_COMPONENT, ""), item["Names"][0].lstrip("/"))
        for item in stock["containers"]
        if _belongs(item, instance, chosen)
    ]
    # What needs others goes first; what the catalogue no longer knows goes before all.
    order = {name: number for number, name in enumerate(catalogue.start_order(components, components))}
    containers.sort(key=lambda pair: -order.get(pair[0], len(order)))
    volumes, networks = [], []
    if level != "component":
        volumes = [item["Name"] for item in stock["volumes"] if _belongs(item, instance, chosen)]
    if level == "everything":
        networks = [item["Name"] for item in stock["networks"] if _belongs(item, instance, None)]
    return {
        "containers": [name for _, name in containers],
        "volumes": sorted(volumes),
        "networks": sorted(networks),
        "directory": level == "everything",
    }


def _check(level: str, names: list[str], components: catalogue.Catalogue) -> None:
    if not level:
        raise ResetError([f"which level? Say it with -e level=, one of: {', '.join(LEVELS)}."])
    problems = catalogue.unknown([level], LEVELS, "level")
    problems += catalogue.unknown(names, components, "component")
    if level == "everything" and names:
        problems.append("level everything takes no components. Leave them out, or choose the level component or data.")
    if level in ("component", "data") and not names:
        problems.append(f"level {level} needs components, as in -e components=redis. Known: {', '.join(components)}.")
    if problems:
        raise ResetError(problems)


def _with_companions(names: Iterable[str], components: catalogue.Catalogue, level: str) -> set[str]:
    """`names`, and those whose data is worthless without theirs."""
    found = set(names)
    if level == "data":
        found.update(other for name in names for other in components[name].get("data_of", []))
    return found


def _belongs(item: Mapping[str, Any], instance: str, chosen: set[str] | None) -> bool:
    """Whether a container, volume or network is the instance's and, unless `chosen` is None, of a chosen component."""
    labels = item.get("Labels") or {}
    return labels.get(LABEL_INSTANCE) == instance and (chosen is None or labels.get(LABEL_COMPONENT) in chosen)
