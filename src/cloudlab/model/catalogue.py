"""The catalogue of components: selection, order, and checks. Pure functions over plain data.

Shapes: `catalogue` maps a component's name to its entry, as group_vars/all/catalogue.yml describes it.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import graphs, yamlfile
from cloudlab.model.problems import ProblemsError

FOLDER = Path(__file__).resolve().parents[3] / "group_vars" / "all"

Catalogue = Mapping[str, Mapping[str, Any]]

KINDS = ("store", "gateway", "service", "tool", "observability")
KEYS = {
    "summary", "role", "kind", "needs", "image", "networks", "ports", "volumes", "resources", "startup", "topics",
    "schema", "database", "data_of", "grpc", "replicas", "go", "env", "health", "routes", "access", "metrics",
    "values", "account_values", "rows_in", "dump",
}  # fmt: skip
# Tags that Ansible itself gives a meaning to.
ANSIBLE_TAGS = {"all", "always", "never", "tagged", "untagged"}


class CatalogueError(ProblemsError):
    """The catalogue, or what was asked of it, is wrong; `problems` holds one message each."""


@functools.cache
def committed(subject: str = "catalogue") -> dict[str, Any]:
    """A file of group_vars/all as plain data; the catalogue's holds {"catalogue", "networks", "images"}."""
    return yamlfile.load(FOLDER / f"{subject}.yml")


def needs(catalogue: Catalogue, name: str) -> list[str]:
    """The components that `name` names as its needs."""
    return list(catalogue[name].get("needs", []))


def closure(catalogue: Catalogue, names: Iterable[str]) -> set[str]:
    """`names` and everything they need, directly or through others."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needs(catalogue, name))
    return found


def tags_for(role: str, catalogue: Catalogue) -> list[str]:
    """The tags of `role` in a play: its components, and every component that needs one of them, sorted.

    So `--tags order` runs the roles of everything that order needs. Raises CatalogueError for a role without
    components.
    """
    own = {name for name, entry in catalogue.items() if entry["role"] == role}
    if not own:
        raise CatalogueError(
            [f"no component of the catalogue has the role {role}; roles are: {', '.join(_roles(catalogue))}"]
        )
    return sorted(name for name in catalogue if closure(catalogue, [name]) & own)


def unknown(names: Iterable[str], valid: Iterable[str], what: str) -> list[str]:
    """A message for each of `names` that is not `valid`, with the nearest valid ones."""
    valid = sorted(valid)
    problems = []
    for name in sorted(set(names) - set(valid)):
        close = difflib.get_close_matches(name, valid, n=1, cutoff=0.6)
        hint = f" Did you mean {close[0]}?" if close else ""
        problems.append(f"unknown {what} {name}.{hint} Valid: {', '.join(valid)}.")
    return problems


def choose(
    catalogue: Catalogue, profiles: Mapping[str, Mapping[str, Any]], profile: str, run_tags: Iterable[str]
) -> list[str]:
    """The components of a run, in start order: those tagged, else those of the profile, and all that they need.

    Raises CatalogueError for an unknown profile, component or tag.
    """
    problems = unknown([profile], profiles, "profile")
    tags = set(run_tags) - ANSIBLE_TAGS
    problems += unknown(tags, catalogue, "tag")
    listed: Iterable[str] = profiles.get(profile, {}).get("components", "all")
    without = _components(profiles, profiles.get(profile, {}).get("without", []))
    problems += unknown([*([] if listed == "all" else listed), *without], catalogue, f"component in profile {profile}:")
    listed = [name for name in (catalogue if listed == "all" else listed) if name not in without]
    if problems:
        raise CatalogueError(problems)
    return start_order(catalogue, closure(catalogue, tags or listed))


def _components(profiles: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> list[str]:
    """`names` of components, with those of profiles replaced by what they list."""
    return [part for name in names for part in (profiles[name]["components"] if name in profiles else [name])]


def planned(environment: Mapping[str, Any], profiles: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The components that the environment is meant to have, whatever part of it this run is about.

    :param environment: the variable `cloudlab`. Those that cannot run here are left out.
    """
    profile = choose(environment["catalogue"], profiles, environment["profile"], [])
    wanted = dict.fromkeys([*profile, *environment["chosen"]])
    return [name for name in wanted if name not in environment["unavailable"]]


def start_order(catalogue: Catalogue, names: Iterable[str]) -> list[str]:
    """`names` with every component after what it needs and, among those that may start, slow starters first.

    Raises CatalogueError when needs form a cycle.
    """
    chosen = set(names)
    open_needs = {name: chosen.intersection(needs(catalogue, name)) for name in chosen}
    if cycle := graphs.cycle(open_needs):
        raise CatalogueError([f"needs form a cycle: {' -> '.join(cycle)}"])
    return graphs.order(open_needs, lambda name: catalogue[name].get("startup", 50))


def resources(entry: Mapping[str, Any], size: str) -> dict[str, Any]:
    """Limits (memory, cpus, pids) of a component at `size`; what the size does not set comes from `full`."""
    table = entry.get("resources", {})
    return {**table.get("full", {}), **table.get(size, {})}


def memory_settings(catalogue: Catalogue, size: str) -> dict[str, str]:
    """Setting that replaces the memory of a component -> what counts at `size` where it is not set."""
    limits = (resources(entry, size) for entry in catalogue.values())
    return {own["memory_setting"]: own.get("memory", "") for own in limits if "memory_setting" in own}


def problems(
    catalogue: Catalogue, networks: Iterable[str], images: Iterable[str], settings: Iterable[str], roles: Iterable[str]
) -> list[str]:
    """Everything that is wrong with the catalogue itself; a message each."""
    found: list[str] = []
    for name, entry in catalogue.items():
        place = f"catalogue.{name}"
        found += [f"{place}: {text}" for text in unknown(entry, KEYS, "key")]
        if missing := [key for key in ("summary", "role", "kind") if key not in entry]:
            found.append(f"{place}: {', '.join(missing)} must be set.")
            continue
        found += [f"{place}: {text}" for text in unknown([entry["kind"]], KINDS, "kind")]
        found += [f"{place}: {text}" for text in unknown([entry["role"]], roles, "role")]
        found += [f"{place}.needs: {text}" for text in unknown(entry.get("needs", []), catalogue, "component")]
        found += [f"{place}.data_of: {text}" for text in unknown(entry.get("data_of", []), catalogue, "component")]
        found += [f"{place}.networks: {text}" for text in unknown(entry.get("networks", []), networks, "network")]
        found += [
            f"{place}.image: {text}" for text in unknown([entry["image"]] if "image" in entry else [], images, "image")
        ]
        wanted = [port["setting"] for port in entry.get("ports", []) if "setting" in port]
        found += [f"{place}.ports: {text}" for text in unknown(wanted, settings, "setting")]
        wanted = list(memory_settings({name: entry}, "full"))
        found += [f"{place}.resources: {text}" for text in unknown(wanted, settings, "setting")]
    found += _shared_settings(catalogue)
    if not found:
        try:
            start_order(catalogue, catalogue)
        except CatalogueError as error:
            found += error.problems
    return found


def host_ports(catalogue: Catalogue, names: Iterable[str], values: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Component -> port name -> port on the host, with the instance's offset added."""
    offset = int(values["port_offset"])
    return {
        name: {port["name"]: _host_port(port, values) + offset for port in catalogue[name].get("ports", [])}
        for name in names
    }


def _host_port(port: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """The port as a number, or the value of the setting that holds it."""
    return int(port["host"] if "host" in port else values[port["setting"]])


def port_problems(ports: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Ports of `host_ports` that are used twice or do not exist; a message each."""
    users: dict[int, list[str]] = {}
    for component, named in ports.items():
        for name, port in named.items():
            users.setdefault(port, []).append(f"{component} ({name})")
    found = [
        f"port {port} is used twice: {' and '.join(who)}. Change one of the two in .env."
        for port, who in sorted(users.items())
        if len(who) > 1
    ]
    found += [
        f"port {port} of {who[0]} is above 65535. Lower PORT_OFFSET."
        for port, who in sorted(users.items())
        if port > 65535
    ]
    return found


def declared(catalogue: Catalogue, key: str) -> list[Any]:
    """What all components declare under the list `key`, for example topics."""
    return [item for entry in catalogue.values() for item in entry.get(key, [])]


def _shared_settings(catalogue: Catalogue) -> list[str]:
    users: dict[str, list[str]] = {}
    for name, entry in catalogue.items():
        for port in entry.get("ports", []):
            if "setting" in port:
                users.setdefault(port["setting"], []).append(name)
    return [
        f"catalogue: the setting {setting} is the port of {' and '.join(who)}. Give each a setting of its own."
        for setting, who in users.items()
        if len(who) > 1
    ]


def _roles(catalogue: Catalogue) -> list[str]:
    return sorted({entry["role"] for entry in catalogue.values()})
