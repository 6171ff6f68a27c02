"""Volumes made, volumes and networks removed, many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from cloudlab.model.problems import ProblemsError


class ObjectsError(ProblemsError):
    """Something could not be made or removed; `problems` holds a message each. The others were."""


def create(client: APIClient, volumes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Make the volumes, {"name", "labels"}, all of which are known to be missing; what was made, in words.

    Raises ObjectsError.
    """
    return _do([(f"volume {item['name']}", _volume_maker(client, item)) for item in volumes], "cannot be made")


def remove(client: APIClient, networks: Iterable[str], volumes: Iterable[str]) -> list[str]:
    """Remove the named ones that are there; what was removed, in words. Raises ObjectsError."""
    work = [(f"volume {name}", _remover(client.remove_volume, name)) for name in volumes]
    work += [(f"network {name}", _remover(client.remove_network, name)) for name in networks]
    return _do(work, "cannot be removed")


def _do(work: Iterable[tuple[str, Callable[[], bool]]], failure: str) -> list[str]:
    """Do all of it, also after a failure; each part says whether it changed anything."""
    done, problems = [], []
    for what, act in work:
        try:
            if act():
                done.append(what)
        except APIError as error:
            problems.append(f"the {what} {failure}: {error.explanation}")
    if problems:
        raise ObjectsError(problems)
    return done


def _volume_maker(client: APIClient, item: Mapping[str, Any]) -> Callable[[], bool]:
    def make() -> bool:
        client.create_volume(item["name"], labels=item["labels"])
        return True

    return make


def _remover(remove_one: Callable[[str], Any], name: str) -> Callable[[], bool]:
    def act() -> bool:
        try:
            remove_one(name)
        except NotFound:
            return False
        return True

    return act
