"""The plan of a reset: what it removes. Only objects with this instance's label are included."""

from collections.abc import Iterable, Mapping
from typing import Any

from cloudlab.model import catalogue
from cloudlab.model.environment import LABEL_COMPONENT, belongs, labels_of, name_of, volume_name
from cloudlab.model.problems import ProblemsError

LEVELS = ("component", "data", "everything")


class ResetError(ProblemsError):
    """The arguments of a reset are invalid; `problems` holds a message each."""


def plan(
    level: str,
    names: Iterable[str],
    components: catalogue.Catalogue,
    instance: str,
    objects: Mapping[str, list[Mapping[str, Any]]],
    excluded: catalogue.Exclusions = catalogue.NOTHING_EXCLUDED,
) -> dict[str, Any]:
    """What to remove, as {"containers", "volumes", "networks": names in order of removal, "directory": bool}.

    :param level: `component` removes containers, `data` also the volumes that they use with the current settings,
        `everything` all objects of the instance.
    :param names: components, for the levels `component` and `data`.
    :param objects: containers, networks and volumes of the engine (cloudlab.engine.state).
    :param excluded: see cloudlab.model.conditions.Effective.

    Raises ResetError for an unknown level or component, and for components that are missing or not allowed.
    """
    names = list(names)
    _check(level, names, components, excluded)
    # A component's data may be unusable without that of another one.
    companions = [other for name in names for other in components[name].get("data_of", []) if level == "data"]
    chosen = None if level == "everything" else {*names, *companions}
    containers = [
        (item["Labels"].get(LABEL_COMPONENT, ""), name_of(item))
        for item in objects["containers"]
        if _belongs(item, instance, chosen)
    ]
    # Dependents first; components that are no longer in the catalogue before all others.
    order = {name: number for number, name in enumerate(catalogue.start_order(components, components))}
    containers.sort(key=lambda pair: -order.get(pair[0], len(order)))
    volumes, networks = [], []
    if level != "component":
        kept = {
            volume_name(instance, name, volume)
            for name in chosen or ()
            for volume in components[name].get("excluded", {}).get("volumes", {})
        }
        volumes = [item["Name"] for item in objects["volumes"] if _belongs(item, instance, chosen)]
        volumes = [name for name in volumes if name not in kept]
    if level == "everything":
        networks = [item["Name"] for item in objects["networks"] if _belongs(item, instance, None)]
    return {
        "containers": [name for _, name in containers],
        "volumes": sorted(volumes),
        "networks": sorted(networks),
        "directory": level == "everything",
    }


def _check(level: str, names: list[str], components: catalogue.Catalogue, excluded: catalogue.Exclusions) -> None:
    if not level:
        raise ResetError([f"the level is missing. Pass it with -e level=, one of: {', '.join(LEVELS)}."])
    problems = catalogue.unknown([level], LEVELS, "level")
    problems += catalogue.missing(names, components, excluded, "-e components")
    if level == "everything" and names:
        problems.append("level everything does not accept components. Omit them, or use the level component or data.")
    if level in ("component", "data") and not names:
        problems.append(
            f"level {level} requires components, as in -e components=redis. Valid: {', '.join(components)}."
        )
    if problems:
        raise ResetError(problems)


def _belongs(item: Mapping[str, Any], instance: str, chosen: set[str] | None) -> bool:
    """Whether an object belongs to the instance and, unless `chosen` is None, to a chosen component."""
    return belongs(item, instance) and (chosen is None or labels_of(item).get(LABEL_COMPONENT) in chosen)
