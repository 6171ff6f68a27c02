"""What the settings exclude from the catalogue: components and volumes whose `when` they do not meet. Pure functions.

A `when` maps settings to the values that they must have.
"""

from collections.abc import Mapping
from typing import Any

from cloudlab.model.catalogue import Catalogue, CatalogueError
from cloudlab.model.problems import unknown


def effective(components: Catalogue, values: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """`components` without what the settings `values` exclude.

    The key `excluded` of an entry holds what was left out of it: {"needs": [names], "volumes": {name: its `when`}}.

    Raises CatalogueError if a `when` names an unknown setting.
    """
    out = excluded(components, values)
    return {name: _effective(entry, values, out) for name, entry in components.items() if name not in out}


def excluded(components: Catalogue, values: Mapping[str, Any]) -> dict[str, str]:
    """Component that is no part of the environment -> the reason. Raises CatalogueError as `effective`."""
    if found := [text for name, entry in components.items() for text in _problems(name, entry, values)]:
        raise CatalogueError(found)
    return {
        name: f"{name} exists only with {shown(entry['when'])}, but {_actual(entry['when'], values)}."
        f" Leave it out, or set {shown(entry['when'])} in .env."
        for name, entry in components.items()
        if not _met(entry.get("when", {}), values)
    }


def shown(when: Mapping[str, str]) -> str:
    """A `when` as assignments in `.env`."""
    return " ".join(f"{setting.upper()}={value}" for setting, value in when.items())


def _effective(entry: Mapping[str, Any], values: Mapping[str, Any], out: Mapping[str, str]) -> Mapping[str, Any]:
    needs, volumes = entry.get("needs", []), entry.get("volumes", {})
    left = {
        "needs": [name for name in needs if name in out],
        "volumes": {name: _when(volume) for name, volume in volumes.items() if not _met(_when(volume), values)},
    }
    changed = {
        "needs": [name for name in needs if name not in out],
        "volumes": {name: _path(volume) for name, volume in volumes.items() if name not in left["volumes"]},
        "data_of": [name for name in entry.get("data_of", []) if name not in out],
    }
    return {**entry, **{key: value for key, value in changed.items() if key in entry}, "excluded": left}


def _when(volume: str | Mapping[str, Any]) -> Mapping[str, str]:
    return {} if isinstance(volume, str) else volume["when"]


def _path(volume: str | Mapping[str, Any]) -> str:
    return volume if isinstance(volume, str) else volume["path"]


def _met(when: Mapping[str, str], values: Mapping[str, Any]) -> bool:
    return all(str(values[setting]) == value for setting, value in when.items())


def _actual(when: Mapping[str, str], values: Mapping[str, Any]) -> str:
    return " and ".join(f"{setting.upper()} is {values[setting]}" for setting in when)


def _problems(name: str, entry: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    conditions = {"when": entry.get("when", {})}
    conditions |= {f"volumes.{volume}.when": _when(item) for volume, item in entry.get("volumes", {}).items()}
    return [
        f"catalogue.{name}.{key}: {text}"
        for key, when in conditions.items()
        for text in unknown(when, values, "setting")
    ]
