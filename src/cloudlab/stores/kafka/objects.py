"""Kafka's topics: desired state, actual state, and the steps between them.

Pure functions over plain data.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudlab.stores.base import ObjectsError, text

NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Topic:
    """One topic. ``config``: as declared, or what the topic itself overrides; values in the broker's spelling."""

    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Existing(Topic):
    """A topic of the broker. ``effective``: every configuration value, the broker's defaults included."""

    effective: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The steps from the actual to the desired state.

    ``create``: topics by name. ``grow``: {name: number of partitions afterwards}. ``alter``: {name: {key: value}}; None
    resets to the broker's default. ``fewer``: {name: (declared, existing)}, topics that have more partitions than
    declared, which Kafka cannot reduce. ``undeclared``: topics that are not declared; they are not changed.
    """

    create: Mapping[str, Topic]
    grow: Mapping[str, int]
    alter: Mapping[str, Mapping[str, str | None]]
    fewer: Mapping[str, tuple[int, int]]
    undeclared: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.create or self.grow or self.alter)

    @property
    def warnings(self) -> list[str]:
        return [
            f"topic {name} has {existing} partitions, {declared} are declared: Kafka cannot take partitions away."
            f" Declare {existing}, or delete the topic with its messages and converge again."
            for name, (declared, existing) in self.fewer.items()
        ]


def declare(arguments: Mapping[str, Any]) -> dict[str, Topic]:
    """Topics by name from their declarations `topics`, ``{name, partitions, retention_hours, config}`` each.

    Two components may declare the same topic in the same way. Raises :class:`ObjectsError` with every problem.
    """
    topics: dict[str, Topic] = {}
    problems: list[str] = []
    for entry in arguments["topics"]:
        name = str(entry["name"])
        found = _problems(name, entry)
        problems += found
        if found:
            continue
        topic = Topic(partitions=entry["partitions"], config=_config(entry))
        if topics.setdefault(name, topic) != topic:
            first, second = _words(topics[name]), _words(topic)
            problems.append(f"topic {name} is declared twice and differently: {first}, and {second}")
    if problems:
        raise ObjectsError(problems)
    return topics


def plan(declared: Mapping[str, Topic], existing: Mapping[str, Existing]) -> Plan:
    """The steps; an override of a topic that is no longer declared is reset to the broker's default."""
    both = [name for name in declared if name in existing]
    alter = {name: _alterations(declared[name], existing[name]) for name in both}
    return Plan(
        create={name: topic for name, topic in declared.items() if name not in existing},
        grow={n: declared[n].partitions for n in both if declared[n].partitions > existing[n].partitions},
        alter={name: changes for name, changes in alter.items() if changes},
        fewer={
            n: (declared[n].partitions, existing[n].partitions)
            for n in both
            if declared[n].partitions < existing[n].partitions
        },
        undeclared=tuple(sorted(n for n in existing if n not in declared and not n.startswith("__"))),
    )


def difference(steps: Plan, existing: Mapping[str, Existing]) -> tuple[dict, dict]:
    """(before, after): the topics that change, with the values that change."""
    before: dict[str, dict] = {}
    after: dict[str, dict] = {name: {"partitions": t.partitions, **t.config} for name, t in steps.create.items()}
    for name, partitions in steps.grow.items():
        before.setdefault(name, {})["partitions"] = existing[name].partitions
        after.setdefault(name, {})["partitions"] = partitions
    for name, changes in steps.alter.items():
        for key, value in changes.items():
            before.setdefault(name, {})[key] = existing[name].effective.get(key)
            after.setdefault(name, {})[key] = "(the broker's default)" if value is None else value
    return before, after


def _problems(name: str, entry: Mapping[str, Any]) -> list[str]:
    problems = []
    if not NAME.fullmatch(name) or name in (".", ".."):
        problems.append(f"topic {name!r}: a name has 1 to 249 letters, digits, dots, dashes and underscores")
    if entry["partitions"] < 1:
        problems.append(f"topic {name}: partitions must be at least 1, not {entry['partitions']}")
    hours = entry.get("retention_hours")
    if hours is not None and hours < 1 and hours != -1:
        problems.append(f"topic {name}: retention_hours must be at least 1, or -1 for ever; not {hours}")
    if hours is not None and "retention.ms" in (entry.get("config") or {}):
        problems.append(f"topic {name}: retention_hours and config's retention.ms say the same thing; keep one")
    return problems


def _config(entry: Mapping[str, Any]) -> dict[str, str]:
    """The declared configuration in the broker's spelling."""
    config = {key: text(value) for key, value in (entry.get("config") or {}).items()}
    hours = entry.get("retention_hours")
    if hours is not None:
        config["retention.ms"] = str(hours if hours == -1 else hours * HOUR_MS)
    return config


def _alterations(declared: Topic, existing: Existing) -> dict[str, str | None]:
    wrong = {key: value for key, value in declared.config.items() if existing.effective.get(key) != value}
    return wrong | {key: None for key in existing.config if key not in declared.config}


def _words(topic: Topic) -> str:
    return ", ".join([f"{topic.partitions} partitions", *(f"{k}={v}" for k, v in topic.config.items())])
