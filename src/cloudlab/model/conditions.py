"""What the settings exclude from the catalogue: components and volumes whose `when` they do not meet. Pure functions.

A `when` maps settings to the values that they must have.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cloudlab.model.catalogue import Catalogue, CatalogueError
from cloudlab.model.problems import unknown


class Effective(NamedTuple):
    """A catalogue for certain settings.

    components: without what the settings exclude. The key `excluded` of an entry holds what was left out of it:
    {"needs": [names], "volumes": {name: its `when`}}.
    excluded: component that is left out -> {"actual": the settings that exclude it, "required": those with which it
    exists, "entry": its entry}. See `catalogue.missing` for the message.
    """

    components: dict[str, Mapping[str, Any]]
    excluded: dict[str, Mapping[str, Any]]


def effective(components: Catalogue, values: Mapping[str, Any]) -> Effective:
    """`components` for the settings `values`. Raises CatalogueError if a `when` names an unknown setting."""
    if found := [text for name, entry in components.items() for text in _problems(name, entry, values)]:
        raise CatalogueError(found)
    out: dict[str, Mapping[str, Any]] = {
        name: {"actual": shown({key: values[key] for key in unmet}), "required": shown(unmet), "entry": entry}
        for name, entry in components.items()
        if (unmet := _unmet(entry.get("when", {}), values))
    }
    return Effective(
        {name: _effective(entry, values, out) for name, entry in components.items() if name not in out}, out
    )


def shown(when: Mapping[str, Any]) -> str:
    """A `when` as assignments in `.env`."""
    return " ".join(f"{setting.upper()}={value}" for setting, value in when.items())


def _effective(entry: Mapping[str, Any], values: Mapping[str, Any], out: Mapping[str, Any]) -> Mapping[str, Any]:
    needs, volumes = entry.get("needs", []), entry.get("volumes", {})
    left = {
        "needs": [name for name in needs if name in out],
        "volumes": {name: _when(volume) for name, volume in volumes.items() if _unmet(_when(volume), values)},
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


def _unmet(when: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """The part of a `when` that the settings do not meet."""
    return {setting: value for setting, value in when.items() if str(values[setting]) != value}


def _problems(name: str, entry: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    conditions = {"when": entry.get("when", {})}
    conditions |= {f"volumes.{volume}.when": _when(item) for volume, item in entry.get("volumes", {}).items()}
    return [
        f"catalogue.{name}.{key}: {text}"
        for key, when in conditions.items()
        for text in unknown(when, values, "setting")
    ]
