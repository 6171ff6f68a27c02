"""Elasticsearch's index templates and indices: desired state, actual state, and the steps between them.

Pure functions over plain data.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudlab.stores.base import ObjectsError, text

TEMPLATE_KEYS = {"index_patterns", "priority", "template", "composed_of", "version", "_meta", "data_stream"}
INDEX_KEYS = {"settings", "mappings", "aliases"}


@dataclass(frozen=True)
class State:
    """Index templates and indices by name, in the canonical form of :func:`canonical_template` and ``_index``."""

    templates: Mapping[str, Mapping[str, Any]]
    indices: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Index:
    """State of an index: its ``health`` (green, yellow, red) and number of ``documents``."""

    health: str
    documents: int


@dataclass(frozen=True)
class Step:
    """One PUT: ``what`` it is for messages, ``path`` and ``body``, and the object ``before`` and ``after`` it."""

    what: str
    path: str
    body: Mapping[str, Any]
    before: Any
    after: Any


@dataclass(frozen=True)
class Plan:
    """``steps`` in the order in which they are applied; ``warnings``: differences that cannot be changed in place."""

    steps: tuple[Step, ...]
    warnings: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.steps)


NOTHING = State({}, {})


def declare(arguments: Mapping[str, Any]) -> State:
    """The declared state from `index_templates` and `indices`, lists of ``{name, …}``.

    Raises :class:`ObjectsError` with every problem.
    """
    templates, indices = arguments["index_templates"], arguments["indices"]
    problems = _problems("index template", templates, TEMPLATE_KEYS) + _problems("index", indices, INDEX_KEYS)
    problems += [
        f"index template {entry['name']}: index_patterns must name at least one pattern"
        for entry in templates
        if entry.get("name") and not entry.get("index_patterns")
    ]
    if problems:
        raise ObjectsError(problems)
    return State(
        templates={entry["name"]: canonical_template(entry) for entry in templates},
        indices={entry["name"]: canonical_index(entry) for entry in indices},
    )


def plan(declared: State, existing: State) -> Plan:
    """The steps: templates are replaced by their declaration, indices get missing parts.

    An index gets fields from its documents, so only its declared parts are compared. A change that Elasticsearch does
    not support in place (a field's type, the number of shards) is a warning. Nothing is deleted.
    """
    steps: list[Step] = []
    warnings: list[str] = []
    for name, template in declared.templates.items():
        before = existing.templates.get(name)
        if before is None or _plain(before) != _plain(template):
            steps.append(Step(f"index template {name}", f"/_index_template/{name}", template, before, template))
    for name, index in declared.indices.items():
        if name not in existing.indices:
            steps.append(Step(f"index {name}", f"/{name}", index, None, index))
            continue
        more_steps, more_warnings = _alter_index(name, index, existing.indices[name])
        steps += more_steps
        warnings += more_warnings
    return Plan(tuple(steps), tuple(warnings))


def difference(steps: Plan) -> tuple[dict, dict]:
    """(before, after): the objects that change, by what they are, in plain types that every output can show."""
    before = {step.what: step.before for step in steps.steps if step.before is not None}
    after = {step.what: step.after for step in steps.steps}
    # Values of a play are subclasses of str and int; JSON converts them to plain ones.
    return json.loads(json.dumps(before)), json.loads(json.dumps(after))


def _problems(what: str, entries: list[Mapping[str, Any]], keys: set[str]) -> list[str]:
    problems = []
    names = [entry.get("name") for entry in entries]
    for position, entry in enumerate(entries, start=1):
        if not entry.get("name"):
            problems.append(f"{what} number {position} has no name")
        elif unknown := sorted(set(entry) - keys - {"name"}):
            valid = ", ".join(sorted(keys | {"name"}))
            problems.append(f"{what} {entry['name']}: unknown {', '.join(unknown)}. Valid: {valid}.")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    return problems + [f"{what} {name} is declared twice" for name in twice]


def _alter_index(name: str, declared: Mapping[str, Any], existing: Mapping[str, Any]) -> tuple[list[Step], list[str]]:
    steps: list[Step] = []
    fields, clashes = _missing_fields(declared.get("mappings", {}), existing.get("mappings", {}))
    if fields:
        before = existing.get("mappings")
        steps.append(Step(f"index {name}, mappings", f"/{name}/_mapping", fields, before, fields))
    had = existing.get("settings", {})
    settings = {key: value for key, value in declared.get("settings", {}).items() if had.get(key) != value}
    fixed = {key for key in settings if key in FIXED_SETTINGS or key.startswith("index.analysis.")}
    if alterable := {key: value for key, value in settings.items() if key not in fixed}:
        before = {key: had.get(key) for key in alterable}
        steps.append(Step(f"index {name}, settings", f"/{name}/_settings", alterable, before, alterable))
    for alias, body in declared.get("aliases", {}).items():
        if alias not in existing.get("aliases", {}):
            steps.append(Step(f"index {name}, alias {alias}", f"/{name}/_alias/{alias}", body, None, body))
    clashes += [f"{key} is {had.get(key)}, declared {settings[key]}" for key in sorted(fixed)]
    warnings = [
        f"index {name}: {clash}. Elasticsearch cannot alter this in place: delete the index and fill it again, or"
        " declare what it has."
        for clash in clashes
    ]
    return steps, warnings


# Settings that are fixed when an index is created, as are the analysis settings.
FIXED_SETTINGS = {"index.number_of_shards", "index.codec", "index.routing_partition_size", "index.sort.field"}


def _missing_fields(declared: Mapping[str, Any], existing: Mapping[str, Any], path: str = "") -> tuple[dict, list[str]]:
    """(the missing part of the declared mapping, contradictions)."""
    missing: dict[str, Any] = {}
    clashes: list[str] = []
    for key, value in declared.items():
        if key not in existing:
            missing[key] = value
        elif isinstance(value, Mapping) and isinstance(existing[key], Mapping):
            deeper, below = _missing_fields(value, existing[key], f"{path}{key}.")
            if deeper:
                # Elasticsearch accepts a field only with its type, even when only a part of it is new.
                kind = existing[key].get("type")
                missing[key] = {"type": kind, **deeper} if isinstance(kind, str) else deeper
            clashes += below
        elif _plain(value) != _plain(existing[key]):
            clashes.append(f"mapping {path}{key} is {existing[key]}, declared {value}")
    return missing, clashes


def canonical_template(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A template as the server returns it: flat text settings, no empty parts, a list of patterns."""
    patterns = entry["index_patterns"]
    canonical = {key: entry[key] for key in sorted(TEMPLATE_KEYS - {"template", "index_patterns"}) if entry.get(key)}
    canonical["index_patterns"] = [patterns] if isinstance(patterns, str) else list(patterns)
    if "priority" in entry and entry["priority"] is not None:
        canonical["priority"] = entry["priority"]
    if template := canonical_index(entry.get("template") or {}):
        canonical["template"] = template
    return canonical


def canonical_index(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an index that can be declared, without empty ones."""
    canonical = {
        "settings": _flat_settings(entry.get("settings") or {}),
        "mappings": entry.get("mappings") or {},
        "aliases": entry.get("aliases") or {},
    }
    return {key: value for key, value in canonical.items() if value}


def _flat_settings(settings: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """``{"index": {"a": {"b": 1}}}`` or ``{"a.b": 1}`` as ``{"index.a.b": "1"}``, the form of ``flat_settings``."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat_settings(value, f"{path}{key}.")
        else:
            name = f"{path}{key}"
            name = name if name.startswith("index.") else f"index.{name}"
            flat[name] = [text(item) for item in value] if isinstance(value, (list, tuple)) else text(value)
    return flat


def _plain(value: Any) -> Any:
    """The value for a comparison, with every scalar as text: the server returns ``false`` as ``"false"``."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return text(value)
