"""The files that Compose reads, as plain data and as text. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from cloudlab.compose import service as services
from cloudlab.compose.placeholders import Expressions
from cloudlab.model import catalogue as components

# The profile whose components always run; what others add has a profile of Compose's.
BASE_PROFILE = "lite"
LABEL_CONFIGS = "cloudlab.configs"
# Tells the page that shows it all that a container is meant to end.
LABEL_ENDS = "cloudlab.ends"
# Of a store, what its one-shot has as well.
_INHERITED = (
    "image", "profiles", "user", "networks", "init", "cap_drop", "security_opt", "mem_limit", "memswap_limit", "cpus",
    "pids_limit", "logging",
)  # fmt: skip
# Characters of a list that stands on one line.
SHORT = 100
_SECTIONS = ("services", "configs", "networks", "volumes")


def build(described: Mapping[str, Any], picture: Mapping[str, Any], profiles: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was described, as one file.

    :param described: see cloudlab.compose.described. :param picture: the variable `cloudlab`.
    """
    instance = picture["instance"]
    programs = {program["container"]: program for program in described["programs"]}
    containers = sorted(
        described["containers"].values(),
        key=lambda container: (picture["chosen"].index(container["component"]), container["name"]),
    )
    parts = [
        services.translate(
            _patient(container, picture, containers),
            instance,
            described["folders"],
            programs.get(container["name"], {}).get("shares", []),
        )
        for container in containers
    ]
    document: dict[str, Any] = {"name": instance, **{section: {} for section in _SECTIONS}, "start_intervals": {}}
    initialised = {services.own(name, instance) for name in programs}
    for container, part in zip(containers, parts, strict=True):
        if container["image"] in described["images"]:
            part.service["build"] = _build(described["images"][container["image"]])
        if chosen := _profiles(container["component"], picture["catalogue"], profiles):
            part.service["profiles"] = chosen
        if wanted := _dependencies(container, picture, initialised):
            part.service["depends_on"] = wanted
        document["services"][part.key] = part.service
        document["configs"] |= part.configs
        # Who mounts another's volume says nothing about it.
        document["volumes"] |= {name: entry for name, entry in part.volumes.items() if name not in document["volumes"]}
        if part.start_interval:
            document["start_intervals"][part.key] = part.start_interval
        if container["name"] in programs:
            key, shot = _oneshot(part, programs[container["name"]])
            document["services"][key] = shot
    document["networks"] = {
        name: {"name": f"{instance}-{name}", "labels": {"cloudlab.instance": instance}}
        for name in sorted({name for entry in document["services"].values() for name in entry.get("networks", [])})
    }
    return document


def _build(arguments: Mapping[str, str]) -> dict[str, Any]:
    """The context is this project: see .dockerignore."""
    return {"context": ".", "dockerfile": f"{arguments['RECIPE']}/Dockerfile", "args": dict(arguments)}


def _profiles(component: str, catalogue: Mapping[str, Any], profiles: Mapping[str, Any]) -> list[str]:
    """The profiles that bring a component up, one of its own name among them; none for one that always runs."""
    chosen = {name: components.choose(catalogue, profiles, name, []) for name in profiles}
    if component in chosen[BASE_PROFILE]:
        return []
    return [*(name for name, names in chosen.items() if component in names), component]


def _dependencies(container: Mapping[str, Any], picture: Mapping[str, Any], initialised: set[str]) -> dict[str, Any]:
    """What has to be there first: the stores it needs, filled, and whoever makes what it only reads."""
    catalogue, own = picture["catalogue"], container["component"]
    needs = set(container["needs"])
    needs |= {name for name in components.needs(catalogue, own) if catalogue[name]["kind"] == "store"}
    needs |= _makers(container, picture)
    return {
        **{oneshot(name): {"condition": "service_completed_successfully"} for name in sorted(needs & initialised)},
        **{name: {"condition": "service_healthy"} for name in sorted(needs - initialised)},
    }


def _makers(container: Mapping[str, Any], picture: Mapping[str, Any]) -> set[str]:
    """The components whose volumes it mounts: they make what it reads."""
    return {
        picture["volumes"][mount["source"]]["component"]
        for mount in container["options"]["mounts"]
        if mount["type"] == "volume" and mount["source"] in picture["volumes"]
    } - {container["component"]}


def _patient(
    container: Mapping[str, Any], picture: Mapping[str, Any], containers: list[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The container, which is not ill while others still make what it reads: their time is added to its own."""
    check = container["options"]["healthcheck"]
    makers = _makers(container, picture)
    more = sum(
        (other["options"]["healthcheck"] or {}).get("start_period", 0)
        for other in containers
        if other["component"] in makers
    )
    if not check or not more:
        return container
    longer = {**check, "start_period": check.get("start_period", 0) + more}
    return {**container, "options": {**container["options"], "healthcheck": longer}}


def oneshot(key: str) -> str:
    """The name of the service that fills a store."""
    return f"{key}-init"


def _oneshot(part: services.Part, program: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The service that runs a program of the store once, each time everything comes up."""
    store = part.service
    key = oneshot(part.key)
    labels = {**store["labels"], "cloudlab.component": key, "cloudlab.container": f"{store['container_name']}-init"}
    labels[LABEL_ENDS] = "true"
    shot = {
        **{name: store[name] for name in _INHERITED if name in store},
        "container_name": labels["cloudlab.container"],
        "depends_on": {part.key: {"condition": "service_healthy"}},
        "entrypoint": ["/bin/sh", "-c"],
        "command": [program["script"]],
        "environment": program["env"],
        "labels": labels,
        "read_only": True,
        "tmpfs": ["/tmp:mode=1777,size=16m"],  # noqa: S108 - in the container
        "restart": "no",
        "volumes": [entry for entry in store.get("volumes", []) if str(entry).partition(":")[2] in program["shares"]],
    }
    return key, {name: value for name, value in shot.items() if value not in ({}, [])}


def express(value: Any, expressions: Expressions) -> Any:
    """The data with placeholders replaced, in plain types."""
    if isinstance(value, Mapping):
        return {str(key): express(entry, expressions) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [express(entry, expressions) for entry in value]
    return expressions.apply(str.__str__(value)) if isinstance(value, str) else value


def stamp(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with a label on each service that has configurations, which is another when one of them is.

    Compose makes a container anew for what its service says, and not for what is in its configurations. What a file of
    the project has is not written a second time.
    """

    def stamped(entry: Mapping[str, Any]) -> Mapping[str, Any]:
        if "configs" not in entry:
            return entry
        written = "\0".join(document["configs"][config["source"]]["content"] for config in entry["configs"])
        used = sorted(set(re.findall(r"\$\{[^}]*\}", written.replace("$$", ""))))
        digest = hashlib.sha256(written.encode()).hexdigest()[:12]
        return {**entry, "labels": {**entry["labels"], LABEL_CONFIGS: " ".join([digest, *used])}}

    return {
        **document,
        "services": {name: stamped(entry) for name, entry in document["services"].items()},
        "configs": {
            name: {"file": entry["file"]} if "file" in entry else entry for name, entry in document["configs"].items()
        },
    }


def without(document: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The document without some services, and without what nobody uses then."""
    left = {key: entry for key, entry in document["services"].items() if key not in set(keys)}
    used = {
        "configs": {config["source"] for entry in left.values() for config in entry.get("configs", [])},
        "networks": {name for entry in left.values() for name in entry.get("networks", [])},
        "volumes": {str(mount).partition(":")[0] for entry in left.values() for mount in entry.get("volumes", [])},
    }
    rest = {
        section: {name: entry for name, entry in document[section].items() if name in names}
        for section, names in used.items()
    }
    return {**document, "services": left, **rest}


class Override(dict):
    """A value that replaces the one of the file before, instead of being merged into it."""

    def __init__(self, value: Any):
        super().__init__()
        self.value = value


class Reset:
    """Takes away what the file before says."""


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The file that makes of the one before the one after."""
    found: dict[str, Any] = {}
    for section in _SECTIONS:
        entries = {}
        for name, entry in after[section].items():
            known = before[section].get(name)
            if known is None:
                entries[name] = entry
            elif known != entry:
                different = {
                    key: _change(known.get(key), value) for key, value in entry.items() if known.get(key) != value
                }
                entries[name] = different | {key: Reset() for key in known if key not in entry}
        if entries:
            found[section] = entries
    return found


def _change(before: Any, value: Any) -> Any:
    """What is no list and no mapping replaces by itself."""
    return Override(value) if isinstance(before, list | dict) else value


def text(document: Mapping[str, Any], header: str) -> str:
    """The document as YAML, below its header. What all services have in common stands once."""
    entries = document.get("services", {})
    common = _common([entry for entry in entries.values() if "image" in entry])
    body: dict[Any, Any] = {key: value for key, value in document.items() if value and key in ("name", *_SECTIONS)}
    if len(common) > 1:
        body["services"] = {name: _short(entry, common) for name, entry in entries.items()}
        body = {"x-common": common, **body}
    comment = "".join(f"# {line}".rstrip() + "\n" for line in header.splitlines())
    return comment + _spaced(_Dumper.dump_document(body, common))


def _spaced(written: str) -> str:
    """A blank line before each section, and after each of its entries that takes several lines."""
    lines: list[str] = []
    for line in written.splitlines():
        depth = len(line) - len(line.lstrip())
        before = len(lines[-1]) - len(lines[-1].lstrip()) if lines else 0
        if lines and line and (depth == 0 or (depth == 2 and before > 2)):
            lines.append("")
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _common(entries: list[Mapping[str, Any]]) -> dict[str, Any]:
    """What is the same in most entries, and missing in none."""
    if len(entries) < 2:
        return {}
    first = entries[0]
    return {
        key: value
        for key, value in first.items()
        if isinstance(value, list | dict | bool) and all(entry.get(key) == value for entry in entries)
    }


def _short(entry: Mapping[str, Any], common: Mapping[str, Any]) -> dict[Any, Any]:
    if any(entry.get(key) != value for key, value in common.items()):
        return dict(entry)
    return {Merge(): common, **{key: value for key, value in entry.items() if key not in common}}


class Merge:
    """YAML's merge key."""


class _Dumper(yaml.SafeDumper):
    """Writes what a person reads: long texts as they are, no references but the common part."""

    common: Mapping[str, Any] = {}

    @staticmethod
    def dump_document(body: Any, common: Mapping[str, Any]) -> str:
        class Own(_Dumper):
            pass

        Own.common = common
        return yaml.dump(body, Dumper=Own, sort_keys=False, allow_unicode=True, width=10**6)

    def ignore_aliases(self, data: Any) -> bool:
        return data is not self.common

    def generate_anchor(self, node: yaml.Node) -> str:
        return "common"

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        return super().represent_sequence(tag, sequence, _is_short(list(sequence)))

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        return super().represent_mapping(tag, mapping, _is_short([*mapping, *mapping.values()]))

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _is_short(values: list[Any]) -> bool:
    """Whether a list or a mapping of these values stands on one line."""
    plain = all(isinstance(value, str | int) and "\n" not in str(value) for value in values)
    return plain and sum(len(str(value)) + 4 for value in values) <= SHORT


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _represent_override(dumper: yaml.SafeDumper, value: Override) -> yaml.Node:
    node = dumper.represent_data(value.value)
    node.tag = "!override"
    return node


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(Override, _represent_override)
_Dumper.add_representer(Reset, lambda dumper, _: dumper.represent_scalar("!reset", "null"))
_Dumper.add_representer(Merge, lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:merge", "<<"))
_Dumper.add_representer(
    services.Octal, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:int", f"0{value:o}")
)
