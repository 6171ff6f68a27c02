"""The actual state for a list of specifications: one list of containers, one of networks, concurrent inspects."""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from cloudlab.containers import files
from cloudlab.containers.plan import Situation, name_conflict
from cloudlab.containers.spec import LABEL_CONTAINER, SUCCESSOR, Spec, SpecError
from cloudlab.engine import Engine
from cloudlab.engine.listing import of_instance, or_none
from cloudlab.model.environment import LABEL_INSTANCE, labels_of

INSPECTORS = 4  # the engine answers no faster with more threads


def situations(engine: Engine, specs: Sequence[Spec], down: bool) -> dict[str, Situation]:
    """The situation of each specification by its container's name.

    down: containers are to be stopped or removed; images, networks and files do not matter. Raises SpecError when a
    name is taken by a container that does not belong to this instance, or a network's name is ambiguous.
    """
    # Not filtered by label: containers of others may have our names.
    listed = engine.client.containers(all=True)
    by_name = {name: entry for entry in listed for name in names(entry)}
    _refuse_conflicts(specs, by_name)
    present = {spec.name: by_name[spec.name]["Id"] for spec in specs if spec.name in by_name}
    images = () if down else {spec.image for spec in specs}
    with ThreadPoolExecutor(INSPECTORS) as pool:
        networks = pool.submit(_networks, engine, specs) if not down else None
        inspected = pool.map(partial(or_none, engine.client.inspect_container), present.values())
        containers = dict(zip(present, inspected, strict=True))
        image_of = dict(zip(images, pool.map(partial(or_none, engine.client.inspect_image), images), strict=True))
        ids = networks.result() if networks else {}
    return {
        spec.name: Situation(
            container=containers.get(spec.name),
            image=image_of.get(spec.image),
            networks=ids,
            leftovers=_leftovers(spec, listed),
            altered={} if down else {file: why for file in spec.files if (why := files.difference(file))},
            replaced=_replaced(engine, spec, containers.get(spec.name)),
        )
        for spec in specs
    }


def _replaced(engine: Engine, spec: Spec, container: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The engine's socket, if it was created after the container started.

    An engine with live-restore that creates its socket itself leaves containers with the old one when it restarts.
    """
    socket = engine.address.removeprefix("unix://")
    mounted = [mount["source"] for mount in spec.mounts if mount["source"] == socket]
    if not mounted or not container or not container["State"]["Running"]:
        return ()
    started = datetime.fromisoformat(container["State"]["StartedAt"]).timestamp()
    return (socket,) if os.stat(socket).st_ctime > started else ()


def orphans(engine: Engine, specs: Sequence[Spec], instance: str) -> list[str]:
    """Names of the instance's containers that no specification describes."""
    known = {spec.name for spec in specs}
    listed = of_instance(engine.client, instance)
    made_for = {name: entry["Labels"].get(LABEL_CONTAINER) for entry in listed for name in names(entry)}
    return sorted(name for name, target in made_for.items() if name not in known and target not in known)


def names(entry: Mapping[str, Any]) -> Iterable[str]:
    """A listed container's own names; names with a second slash are links to it."""
    return [name.lstrip("/") for name in entry.get("Names") or [] if name.count("/") == 1]


def _refuse_conflicts(specs: Sequence[Spec], by_name: Mapping[str, Mapping[str, Any]]) -> None:
    taken = [(name, spec) for spec in specs for name in (spec.name, spec.name + SUCCESSOR) if name in by_name]
    conflicts = [name_conflict(name, labels_of(by_name[name]), spec.instance) for name, spec in taken]
    if problems := [problem for problem in conflicts if problem]:
        raise SpecError(problems)


def _leftovers(spec: Spec, listed: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Containers of this instance that were created for the specification and have another name."""
    found = []
    for entry in listed:
        labels = labels_of(entry)
        if labels.get(LABEL_INSTANCE) != spec.instance or labels.get(LABEL_CONTAINER) != spec.name:
            continue
        own = list(names(entry))
        if spec.name not in own:
            found.append((entry["Id"], own[0] if own else entry["Id"][:12]))
    return tuple(found)


def _networks(engine: Engine, specs: Sequence[Spec]) -> dict[str, str]:
    """All networks, name -> id. The engine permits several of one name, and would use any of them."""
    used = {name for spec in specs for name in spec.options["networks"]}
    ids: dict[str, str] = {}
    ambiguous = set()
    for network in engine.client.networks():
        if network["Name"] in ids and network["Name"] in used:
            ambiguous.add(network["Name"])
        ids[network["Name"]] = network["Id"]
    if ambiguous:
        raise SpecError(
            [
                f"network {name}: several networks have this name; see `docker network ls --filter name={name}` and "
                "remove all but one by its id"
                for name in sorted(ambiguous)
            ]
        )
    return ids
