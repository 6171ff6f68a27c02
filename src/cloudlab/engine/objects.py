"""Creates volumes, and removes volumes and networks, many at a time."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from cloudlab.model.problems import ProblemsError


class ObjectsError(ProblemsError):
    """Some objects could not be created or removed; `problems` has one message each."""


def create(client: APIClient, volumes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Create missing volumes, {"name", "labels"} each; their names. Raises ObjectsError."""
    return _each(
        "create",
        [
            (f"volume {item['name']}", partial(client.create_volume, item["name"], labels=item["labels"]))
            for item in volumes
        ],
    )


def remove(client: APIClient, networks: Iterable[str], volumes: Iterable[str]) -> list[str]:
    """Remove the given objects that exist; their names. Raises ObjectsError."""
    work = [(f"volume {name}", partial(client.remove_volume, name)) for name in volumes]
    return _each("remove", work + [(f"network {name}", partial(client.remove_network, name)) for name in networks])


def _each(verb: str, work: Iterable[tuple[str, Callable[[], Any]]]) -> list[str]:
    """Do all of it, even after a failure; the names of changed objects."""
    done, problems = [], []
    for name, act in work:
        try:
            act()
            done.append(name)
        except NotFound:
            continue
        except APIError as error:
            problems.append(f"cannot {verb} the {name}: {error.explanation}")
    if problems:
        raise ObjectsError(problems)
    return done
