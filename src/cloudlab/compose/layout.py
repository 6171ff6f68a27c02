"""A document as readable YAML: groups with headings, and extension fields for shared parts."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from cloudlab.compose import document as documents
from cloudlab.compose.service import Octal

# Characters of a list or a mapping on one line, and of a text before it is folded; keys of a mapping on one line.
SHORT, WIDTH, KEYS = 105, 100, 4
# The share of services that must agree on a value before it becomes their default.
_MOST = 0.8
_COMMON = "common"
_MERGE = "<<"
# Mappings that services share in part.
_PARTS = ("labels", "depends_on", "environment", "build", "args")
_ORDER = (
    "image", "build", "container_name", "profiles", "depends_on", "user", "group_add", "working_dir", "entrypoint",
    "command", "environment", "ports", "networks", "volumes", "tmpfs", "configs", "healthcheck", "labels",
)  # fmt: skip
_HEADINGS = {
    "store": "Stores: databases, cache and search. Each one-shot service `*-init` fills its store and exits.",
    "messaging": "Messaging: Kafka, ZooKeeper for its coordination, and a one-shot service that creates the topics.",
    "messaging without zookeeper": "Messaging: Kafka, and a one-shot service that creates the topics.",
    "service": "Services of the platform: they wait for the stores that they need, not for each other.",
    "gateway": "Gateway: the entry point for requests to the services.",
    "observability": "Observability: logs, metrics and traces.",
    "tool": "Tools: the dashboard, web interfaces of the stores, and the builder for hot reload.",
    "x-common": "Shared by all services: hardening, restart policy and logging.",
    "x-service": "Shared by the services of the platform.",
    "x-one-shot": "Shared by the one-shot services.",
    "include": "Configuration files of the containers.",
}


class _Section(dict):
    """A mapping with one entry per line."""


class Shared(_Section):
    """A mapping that is written once, as an extension field with an anchor, and merged wherever it applies.

    level: the services that share it. key: the key of a service that has it; empty for the service itself.
    """

    def __init__(self, level: str, key: str, value: Mapping[Any, Any]):
        super().__init__(value)
        self.level = level
        self.name = key if key and level == _COMMON else f"{level}-{key}".rstrip("-").replace("_", "-")


def text(document: Mapping[str, Any], header: str) -> str:
    """The document as YAML, below its header."""
    groups = document.get("groups", {})
    entries = {name: _ordered(entry) for name, entry in document.get("services", {}).items()}
    complete = [name for name, entry in entries.items() if "container_name" in entry]
    levels = {_COMMON: complete} | {
        level: [name for name in entries if groups.get(name) == level] for level in ("service", documents.ONE_SHOT)
    }
    shared: list[Shared] = []
    for level, names in levels.items():
        # Two services may agree by coincidence.
        if len(names) > 2:
            entries |= zip(names, _share([entries[name] for name in names], shared, level), strict=True)
    body = _Section({key: value for key, value in document.items() if value and key in ("name", "include")})
    body |= {f"x-{part.name}": part for part in shared}
    sections = {key: _labelled(document.get(key, {}), shared) for key in documents.SECTIONS} | {"services": entries}
    body |= {key: _Section(section) for key, section in sections.items() if section}
    written = yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    comment = "".join(f"# {line}".rstrip() + "\n" for line in header.splitlines())
    return f"{comment}\n" + _spaced(written.replace("!reset 'null'", "!reset null"), _headings(shared, entries, groups))


def _ordered(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Identity first, then connections, then limits; labels last."""
    place = {key: at for at, key in enumerate(_ORDER)}
    return dict(sorted(entry.items(), key=lambda item: place.get(item[0], place["labels"] - 1)))


def _share(entries: list[dict[Any, Any]], found: list[Shared], level: str, of: str = "") -> list[dict[Any, Any]]:
    """The entries without the values that most of them share, which are added to `found`. of: see Shared.key."""
    for key in _PARTS:
        values: list[Any] = [entry.get(key) for entry in entries]
        if all(isinstance(value, Mapping) for value in values) and any(value != values[0] for value in values):
            parts = _share(values, found, level, key)
            entries = [entry | {key: part} for entry, part in zip(entries, parts, strict=True)]
    common = {key: value for key in entries[0] for value in _most([entry.get(key) for entry in entries])}
    if not common.keys() - {_MERGE}:
        return entries
    shared = Shared(level, of, common)
    found.append(shared)
    return [_merged(entry, shared) for entry in entries]


def _merged(entry: Mapping[Any, Any], shared: Shared) -> dict[Any, Any]:
    own = {key: value for key, value in entry.items() if key not in shared or shared[key] != value}
    return {_MERGE: shared} | own if own else shared


def _labelled(entries: Mapping[str, Any], shared: Iterable[Shared]) -> dict[str, Any]:
    """Networks and volumes with the labels that services share."""
    for labels in shared:
        if labels.name == "labels":
            return {
                name: {key: _merged(value, labels) if key == "labels" else value for key, value in entry.items()}
                for name, entry in entries.items()
            }
    return dict(entries)


def _most(values: list[Any]) -> list[Any]:
    """The value that most have, unless one has none. Values with a Compose tag are not shared."""
    if any(value is None or isinstance(value, documents.Override | documents.Reset) for value in values):
        return []
    return [value for value in values if values.count(value) >= _MOST * len(values)][:1]


def _headings(shared: Iterable[Shared], services: Iterable[str], groups: Mapping[str, str]) -> dict[str, str]:
    """Start of a line -> the heading above it: at the first service of each group, and at the shared parts."""
    starts = {"include:": "include"}
    starts |= {f"x-{part.name}:": f"x-{part.level}" for part in shared}
    starts |= {f"  {name}:": groups[name] for name in services if groups.get(name) in documents.GROUPS}
    if "  zookeeper:" not in starts and "  kafka:" in starts:
        starts["  kafka:"] = "messaging without zookeeper"
    first = {key: start for start, key in reversed(starts.items())}
    return {start: _HEADINGS[key] for key, start in first.items()}


def _spaced(written: str, headings: Mapping[str, str]) -> str:
    """Add headings, and blank lines around sections and entries of several lines."""
    lines: list[str] = []
    section = ""
    for line in written.splitlines():
        depth = len(line) - len(line.lstrip())
        before = len(lines[-1]) - len(lines[-1].lstrip()) if lines else 0
        section = line if line and depth == 0 else section
        heading = headings.get(line.partition(":")[0] + ":") if depth == 0 or section == "services:" else None
        apart = depth == 0 or heading or (depth == 2 and before > 2 and not section.startswith("x-"))
        if line and apart and lines and lines[-1] != section:
            lines.append("")
        if heading:
            lines += [" " * depth + f"# {heading}"] + ([""] if depth else [])
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


class _Dumper(yaml.SafeDumper):
    """Literal long texts, short collections on one line, and anchors only for shared parts."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.shared: dict[yaml.Node, Shared] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return not isinstance(data, Shared)

    def generate_anchor(self, node: yaml.Node) -> str:
        return self.shared[node].name

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        return super().represent_sequence(tag, sequence, _length(sequence) <= SHORT)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, not isinstance(mapping, _Section) and _length(mapping) <= SHORT)
        if isinstance(mapping, Shared):
            self.shared[node] = mapping
        return node

    def write_folded(self, text: str) -> None:
        """Break lines in folded texts only."""
        self.best_width, unlimited = WIDTH, self.best_width
        super().write_folded(text)
        self.best_width = unlimited

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _length(value: Any) -> int:
    """Approximate length of a value on one line; more than SHORT if it needs several lines."""
    if isinstance(value, Shared):
        return len(value.name)
    if isinstance(value, documents.Override):
        return SHORT + 1
    if isinstance(value, Mapping) and len(value) <= KEYS and not any(isinstance(e, list) for e in value.values()):
        return sum(len(str(key)) + 4 + _length(entry) for key, entry in value.items())
    if isinstance(value, list) and not any(isinstance(entry, Mapping) for entry in value):
        return sum(_length(entry) + 4 for entry in value)
    return SHORT + 1 if isinstance(value, list | Mapping) or "\n" in str(value) else len(str(value))


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else ">" if len(value) > WIDTH and " " in value and "  " not in value else None
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'merge' if value == _MERGE else 'str'}", value, style=style)


def _represent_override(dumper: yaml.SafeDumper, value: documents.Override) -> yaml.Node:
    node = dumper.represent_data(value.value)
    node.tag = "!override"
    return node


_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(_Section, lambda dumper, value: dumper.represent_mapping("tag:yaml.org,2002:map", value))
_Dumper.add_representer(documents.Override, _represent_override)
_Dumper.add_representer(documents.Reset, lambda dumper, _: dumper.represent_scalar("!reset", "null"))
_Dumper.add_representer(Octal, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:int", f"0{value:o}"))
