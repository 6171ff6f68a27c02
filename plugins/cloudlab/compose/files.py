"""The exported files, from two readings of everything in both ways to run the services. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudlab import catalogue
from cloudlab.compose import document, example
from cloudlab.compose.placeholders import Expressions, PlaceholderError, compare

BASE = "docker-compose.yml"
OVERRIDE = "docker-compose.override.yml"
ENGINE_25 = "docker-compose.engine-25.yml"
EXAMPLE = ".env.example"

_WRITTEN = """\
Written by `ansible-playbook playbooks/export.yml` from the catalogue, the roles and the platform's description. Do
not edit it: change those, and write it anew. DEVELOPMENT.md tells more under "The compose door".
"""
_HEADERS = {
    BASE: """\
The environment for Docker Compose 2.24.4 or newer: cp .env.example .env && docker compose up -d

{written}
docker-compose.override.yml, which Compose reads as well, adds hot reload and the tools. Without it, each service runs
from an image that is built of it: docker compose -f docker-compose.yml up -d
Where Compose writes `configs` into a container, its root file system cannot be read-only; else it is.
A service without `profiles` always runs. COMPOSE_PROFILES in .env brings up the others: {profiles},
or single ones by their names.
""",
    OVERRIDE: """\
Development: services are compiled when a file is saved, and tools show it all. Compose reads it by itself.

{written}""",
    ENGINE_25: """\
Health checks for Docker Engine 25 or newer: often at the start, seldom afterwards. Older engines refuse them.
COMPOSE_FILE in .env names it: see .env.example.

{written}""",
}


def read(described: Mapping[str, Any], picture: Mapping[str, Any], profiles: Mapping[str, Any], hostile: bool) -> Any:
    """One reading, with expressions in the place of its placeholders."""
    built = document.build(described, picture, profiles)
    # Compose knows no sizes: what an empty setting means is written down.
    defaults = example.defaults() | catalogue.memory_settings(picture["catalogue"], picture["size"])
    return document.stamp(document.express(built, Expressions(defaults, hostile)))


def agreed(plain: Any, hostile: Any) -> Any:
    """What both readings say. Raises PlaceholderError where they differ."""
    if problems := compare(plain, hostile):
        raise PlaceholderError(sorted(set(problems)))
    return plain


def texts(built: Mapping[str, Any], reload: Mapping[str, Any], tools: list[str], profile: str) -> dict[str, str]:
    """File -> text.

    :param built: the document in which services run from images. :param reload: the one with hot reload.
    :param tools: services that belong to development. :param profile: what `.env` begins with.
    """
    base = document.without(built, [*tools, *map(document.oneshot, tools)])
    override = document.changes(base, reload)
    health = {"services": {name: {"healthcheck": times} for name, times in reload["start_intervals"].items() if times}}
    profiles = {name for entry in reload["services"].values() for name in entry.get("profiles", [])}
    groups = ", ".join(sorted(profiles - reload["services"].keys()))
    documents = {BASE: base, OVERRIDE: override, ENGINE_25: health}
    return {
        name: document.text(content, _HEADERS[name].format(written=_WRITTEN, profiles=groups))
        for name, content in documents.items()
    } | {EXAMPLE: example.text(reload, profile, list(documents))}
