"""The catalogue of components: selection, order, and checks. Pure functions over plain data.

Shapes: `catalogue` maps a name to its entry: a `declarations.Component`, or a `declarations.Service` with its defaults.
"""

import functools
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import graphs, yamlfile
from cloudlab.model.problems import ProblemsError, unknown

FOLDER = Path(__file__).resolve().parents[3] / "group_vars" / "all"

Catalogue = Mapping[str, Mapping[str, Any]]
# Components that the settings exclude: see cloudlab.model.conditions.Effective.
Exclusions = Mapping[str, Mapping[str, Any]]
NOTHING_EXCLUDED: Exclusions = types.MappingProxyType({})

# Tags that Ansible itself gives a meaning to.
ANSIBLE_TAGS = {"all", "always", "never", "tagged", "untagged"}


class CatalogueError(ProblemsError):
    """The catalogue, or a selection from it, is invalid; `problems` holds one message each."""


@functools.cache
def committed(subject: str = "catalogue") -> dict[str, Any]:
    """A file of group_vars/all as plain data; the catalogue's holds {"catalogue", "networks", "images"}."""
    return yamlfile.load(FOLDER / f"{subject}.yml")


def needs(catalogue: Catalogue, name: str) -> list[str]:
    """The components that `name` depends on directly."""
    return list(catalogue[name].get("needs", []))


def closure(catalogue: Catalogue, names: Iterable[str]) -> set[str]:
    """`names` and their dependencies, direct and indirect."""
    return graphs.closure(names, lambda name: needs(catalogue, name))


def tags_for(role: str, catalogue: Catalogue) -> list[str]:
    """The tags of `role` in a play: its components, and every component that depends on one of them, sorted.

    So the tag of a component runs the roles of all its dependencies. A role whose components the settings exclude has
    none. Raises CatalogueError for a role without any component.
    """
    own = {name for name, entry in catalogue.items() if entry["role"] == role}
    if not own and role not in {entry["role"] for entry in committed()["catalogue"].values()}:
        roles = ", ".join(sorted({entry["role"] for entry in catalogue.values()}))
        raise CatalogueError([f"no component of the catalogue has the role {role}; roles are: {roles}"])
    return sorted(name for name in catalogue if closure(catalogue, [name]) & own)


def choose(
    catalogue: Catalogue,
    profiles: Mapping[str, Mapping[str, Any]],
    profile: str,
    run_tags: Iterable[str],
    excluded: Exclusions = NOTHING_EXCLUDED,
) -> list[str]:
    """The components of a run in startup order: the tagged ones, or else the profile's, with their dependencies.

    :param excluded: see cloudlab.model.conditions.Effective.

    Raises CatalogueError for a profile, component or tag that is unknown or excluded.
    """
    problems = unknown([profile], profiles, "profile")
    tags = set(run_tags) - ANSIBLE_TAGS
    problems += missing(tags, catalogue, excluded, "--tags", "tag")
    listed: Iterable[str] = profiles.get(profile, {}).get("components", "all")
    without = _components(profiles, profiles.get(profile, {}).get("without", []))
    named = [*([] if listed == "all" else listed), *without]
    problems += missing(named, catalogue, excluded, f"the profile {profile}", f"component in profile {profile}:")
    listed = [name for name in (catalogue if listed == "all" else listed) if name not in without]
    if problems:
        raise CatalogueError(problems)
    return start_order(catalogue, closure(catalogue, tags or listed))


def missing(
    names: Iterable[str], valid: Iterable[str], excluded: Exclusions, place: str, what: str = "component"
) -> list[str]:
    """A message for each of `names` that is not `valid`, or that the settings exclude from the environment.

    :param place: where the names are, for the fix. what: what they are, for the message about an unknown one.
    """
    names = set(names)
    reasons = [
        f"{name} is not part of this environment with {excluded[name]['actual']}. "
        f"Remove it from {place}, or set {excluded[name]['required']} in .env."
        for name in sorted(names & excluded.keys())
    ]
    return reasons + unknown(names - excluded.keys(), valid, what)


def _components(profiles: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> list[str]:
    """`names` of components, with those of profiles replaced by what they list."""
    return [part for name in names for part in (profiles[name]["components"] if name in profiles else [name])]


def planned(environment: Mapping[str, Any], profiles: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The components of the whole environment, also those that this run did not select.

    :param environment: the variable `cloudlab`. Unavailable components are left out.
    """
    profile = choose(environment["catalogue"], profiles, environment["profile"], [])
    wanted = dict.fromkeys([*profile, *environment["chosen"]])
    return [name for name in wanted if name not in environment["unavailable"]]


def start_order(catalogue: Catalogue, names: Iterable[str]) -> list[str]:
    """`names` in startup order: after their dependencies, slow starters first.

    Raises CatalogueError if dependencies form a cycle.
    """
    chosen = set(names)
    open_needs = {name: chosen.intersection(needs(catalogue, name)) for name in chosen}
    if cycle := graphs.cycle(open_needs):
        raise CatalogueError([f"dependencies form a cycle: {' -> '.join(cycle)}."])
    return graphs.order(open_needs, lambda name: catalogue[name].get("startup", 50))


def resources(entry: Mapping[str, Any], size: str) -> dict[str, Any]:
    """Limits (memory, cpus, pids) of a component at `size`; a limit that the size does not set comes from `full`."""
    table = entry.get("resources", {})
    return {**table.get("full", {}), **table.get(size, {})}


def memory_settings(catalogue: Catalogue, size: str) -> dict[str, str]:
    """Setting that replaces the memory of a component -> the default at `size`."""
    limits = (resources(entry, size) for entry in catalogue.values())
    return {own["memory_setting"]: own.get("memory", "") for own in limits if "memory_setting" in own}


def problems(
    catalogue: Catalogue, networks: Iterable[str], images: Iterable[str], settings: Iterable[str], roles: Iterable[str]
) -> list[str]:
    """What the entries of a valid catalogue name that does not exist, or have in common; a message each."""
    found: list[str] = []
    for name, entry in catalogue.items():
        memory = memory_settings({name: entry}, "full")
        for key, named, valid, what in (
            ("role", [entry["role"]], roles, "role"),
            ("needs", entry.get("needs", []), catalogue, "component"),
            ("data_of", entry.get("data_of", []), catalogue, "component"),
            ("networks", entry.get("networks", []), networks, "network"),
            ("image", [entry["image"]] if "image" in entry else [], images, "image"),
            ("ports", [port["setting"] for port in entry.get("ports", []) if "setting" in port], settings, "setting"),
            ("resources", memory, settings, "setting"),
        ):
            found += [f"catalogue.{name}.{key}: {text}" for text in unknown(named, valid, what)]
    found += [
        f"catalogue: the setting {setting} is the port of {' and '.join(users)}. Give each one its own."
        for setting, users in shared_ports(catalogue, "setting").items()
    ]
    if not found:
        try:
            start_order(catalogue, catalogue)
        except CatalogueError as error:
            found += error.problems
    return found


def host_ports(catalogue: Catalogue, names: Iterable[str], values: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Component -> port name -> port on the host, with the port offset of the instance added."""
    offset = int(values["port_offset"])
    return {
        name: {port["name"]: _host_port(port, values) + offset for port in catalogue[name].get("ports", [])}
        for name in names
    }


def _host_port(port: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """The port as a number, or the value of the setting that holds it."""
    return int(port["host"] if "host" in port else values[port["setting"]])


def main_port(ports: list[Mapping[str, Any]]) -> int:
    """The container port that the gateway and other services use: the one named http, else the first."""
    named = [port for port in ports if port["name"] == "http"]
    return (named or ports)[0]["container"]


def port_problems(ports: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Ports of `host_ports` that are used twice or invalid; a message each."""
    uses = [(port, f"{component} ({name})") for component, named in ports.items() for name, port in named.items()]
    found = [
        f"port {port} is used twice: {' and '.join(users)}. Change one of the two in .env."
        for port, users in sorted(shared(uses).items())
    ]
    return found + [
        f"port {port} of {user} is above 65535. Lower PORT_OFFSET." for port, user in sorted(uses) if port > 65535
    ]


def shared(uses: Iterable[tuple[Any, str]]) -> dict[Any, list[str]]:
    """What several users use, from pairs of what is used and its user."""
    users: dict[Any, list[str]] = {}
    for used, user in uses:
        users.setdefault(used, []).append(user)
    return {used: names for used, names in users.items() if len(names) > 1}


def declared(catalogue: Catalogue, key: str) -> list[Any]:
    """The items that all components declare in the list `key`, for example topics."""
    return [item for entry in catalogue.values() for item in entry.get(key, [])]


def shared_ports(catalogue: Catalogue, key: str) -> dict[Any, list[str]]:
    """Value of the port's key `key`, `setting` or `host` -> the components that have it, where there are several."""
    return shared(
        (port[key], name) for name, entry in catalogue.items() for port in entry.get("ports", []) if key in port
    )
