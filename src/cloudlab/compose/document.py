"""The Compose documents as plain data. Pure functions."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cloudlab.compose import service as services
from cloudlab.compose.placeholders import Expressions
from cloudlab.model import catalogue as components

# Components of this profile always run; all others have a Compose profile.
BASE_PROFILE = "lite"
LABEL_CONFIGS = "cloudlab.configs"
# Tells the dashboard that the container is expected to exit.
LABEL_ENDS = "cloudlab.ends"
_INIT = "-init"
# The file that empties the variables of proxies, in every container.
NO_PROXIES = "docker-compose.no-proxies.env"
# Options of a store that its one-shot service shares.
_INHERITED = (
    "image", "profiles", "user", "networks", "init", "cap_drop", "security_opt", "mem_limit", "memswap_limit", "cpus",
    "pids_limit", "logging", "env_file",
)  # fmt: skip
# Lists that Compose replaces instead of appending.
_REPLACED = ("entrypoint", "command", "test")
SECTIONS = ("services", "configs", "networks", "volumes")
# The groups of services, in the order of the files.
GROUPS = ("store", "messaging", "service", "gateway", "observability", "tool")
ONE_SHOT = "one-shot"
_MESSAGING = ("zookeeper", "kafka")


def build(described: Mapping[str, Any], context: Mapping[str, Any], profiles: Mapping[str, Any]) -> dict[str, Any]:
    """All descriptions as one document.

    :param described: see cloudlab.compose.described. :param context: the variable `cloudlab`.
    """
    instance = context["instance"]
    programs = {program["container"]: program for program in described["programs"]}
    groups = {name: _group(entry) for name, entry in context["catalogue"].items()}
    containers = sorted(
        described["containers"].values(),
        key=lambda container: (
            GROUPS.index(groups[container["component"]]),
            context["chosen"].index(container["component"]),
            container["name"],
        ),
    )
    parts = [
        services.translate(
            _extended(container, context, containers),
            instance,
            described["folders"],
            programs.get(container["name"], {}).get("shares", []),
        )
        for container in containers
    ]
    document: dict[str, Any] = {
        "name": instance,
        **{section: {} for section in (*SECTIONS, "start_intervals", "groups")},
    }
    initialised = {services.own(name, instance) for name in programs}
    for container, part in zip(containers, parts, strict=True):
        part.service["env_file"] = [NO_PROXIES]
        if build := described["images"].get(container["image"]):
            # The build context is the project: see .dockerignore.
            part.service["build"] = {"context": ".", **build}
        if chosen := _profiles(container["component"], context["catalogue"], profiles):
            part.service["profiles"] = chosen
        if dependencies := _dependencies(container, context, initialised):
            part.service["depends_on"] = dependencies
        document["services"][part.key] = part.service
        document["groups"][part.key] = groups[container["component"]]
        document["configs"] |= part.configs
        # Only the component that owns a volume declares it.
        document["volumes"] |= {
            name: entry
            for name, entry in part.volumes.items()
            if context["volumes"].get(f"{instance}-{name}", container)["component"] == container["component"]
        }
        if part.start_interval:
            document["start_intervals"][part.key] = part.start_interval
        if container["name"] in programs:
            key, shot = _oneshot(part, programs[container["name"]])
            document["services"][key] = shot
            document["groups"][key] = ONE_SHOT
    document["networks"] = {
        name: {"name": f"{instance}-{name}", "labels": {"cloudlab.instance": instance}}
        for name in sorted({name for entry in document["services"].values() for name in entry.get("networks", [])})
    }
    return document


def _group(entry: Mapping[str, Any]) -> str:
    return "messaging" if entry["role"] in _MESSAGING else entry["kind"]


def _profiles(component: str, catalogue: Mapping[str, Any], profiles: Mapping[str, Any]) -> list[str]:
    """The profiles that start a component, including one of its own name; none if it always runs."""
    chosen = {name: components.choose(catalogue, profiles, name, []) for name in profiles}
    if component in chosen[BASE_PROFILE]:
        return []
    return [*(name for name, names in chosen.items() if component in names), component]


def _dependencies(container: Mapping[str, Any], context: Mapping[str, Any], initialised: set[str]) -> dict[str, Any]:
    """Its dependencies: the stores that it needs, initialised, and the components that write the volumes it reads."""
    catalogue, own = context["catalogue"], container["component"]
    needs = set(container["needs"])
    needs |= {name for name in components.needs(catalogue, own) if catalogue[name]["kind"] == "store"}
    needs |= _makers(container, context)
    return {
        **{oneshot(name): {"condition": "service_completed_successfully"} for name in sorted(needs & initialised)},
        **{name: {"condition": "service_healthy"} for name in sorted(needs - initialised)},
    }


def _makers(container: Mapping[str, Any], context: Mapping[str, Any]) -> set[str]:
    """The components whose volumes it mounts."""
    return {
        context["volumes"][mount["source"]]["component"]
        for mount in container["options"]["mounts"]
        if mount["type"] == "volume" and mount["source"] in context["volumes"]
    } - {container["component"]}


def _extended(
    container: Mapping[str, Any], context: Mapping[str, Any], containers: list[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The container, with the start period extended by those of the components whose volumes it mounts."""
    check = container["options"]["healthcheck"]
    makers = _makers(container, context)
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
    """The name of the service that initialises a store."""
    return key + _INIT


def _oneshot(part: services.Part, program: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The service that runs a program of the store once per start of the environment."""
    store = part.service
    key = oneshot(part.key)
    labels = {**store["labels"], "cloudlab.component": key, "cloudlab.container": oneshot(store["container_name"])}
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
    """The data in plain types, with placeholders replaced by expressions."""
    if isinstance(value, Mapping):
        return {str(key): express(entry, expressions) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [express(entry, expressions) for entry in value]
    return expressions.apply(str.__str__(value)) if isinstance(value, str) else value


def stamp(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with a hash of the configurations as a label of each service that has any.

    Compose recreates a container when its service changes, but not when the content of a configuration changes. Content
    that is also in a file of the project is replaced by a reference to the file.
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
    """The document without some services, and without what only they use."""
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
    """A value that replaces the one of the previous file instead of being merged into it."""

    def __init__(self, value: Any):
        super().__init__()
        self.value = value


class Reset:
    """Removes the value of the previous file."""


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The override file that turns the first document into the second."""
    found = {
        section: {
            name: _changes(before[section][name], entry) if name in before[section] else entry
            for name, entry in after[section].items()
            if before[section].get(name) != entry
        }
        for section in SECTIONS
    }
    return {section: entries for section, entries in found.items() if entries}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Compose merges mappings and appends lists, except those in _REPLACED."""
    found: dict[str, Any] = {}
    for key, value in after.items():
        known = before.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping) and known != value:
            found[key] = _changes(known, value)
        elif known != value:
            replaces = isinstance(known, list | Mapping) and key not in _REPLACED
            found[key] = Override(value) if replaces else value
    return found | {key: Reset() for key in before if key not in after}
