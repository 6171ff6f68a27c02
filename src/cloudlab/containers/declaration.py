"""Declarations: the list of containers that a role writes, checked option by option and read into specifications."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudlab.containers import values
from cloudlab.containers.options import DEFAULTS, OPTIONS, host_side, refuse_twice
from cloudlab.containers.spec import LABEL_CONTAINER, LABEL_HASH, File, Spec, SpecError
from cloudlab.model import graphs
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE


def _file(value: Any) -> dict[str, Any]:
    file = _FILE_FIELDS(value)
    if len(file.keys() & {"src", "content", "copy"}) != 1:
        raise ValueError("exactly one of src, content and copy must be set")
    if not file.get("mode", 0o444) & 0o400:
        raise ValueError("mode: its owner must be able to read it")
    return file


_FILE_FIELDS = values.fields(
    {
        "src": values.filled,
        "content": values.text,
        "copy": values.absolute,
        "target": values.absolute,
        "mode": values.mode,
        "secret": values.boolean,
    },
    required=("target",),
)


# Keys of a specification that are not options of the container.
_IDENTITY = {
    "name": values.name,
    "component": values.component,
    "image": values.filled,
    "needs": values.set_of(values.component),
    "secret_env": values.set_of(values.filled),
    "files": values.list_of(_file),
}


def parse(raw: Any, instance: str, required: Iterable[str] = ("name", "component", "image")) -> list[Spec]:
    """Read a list of specifications; raise SpecError with every mistake in the list.

    required: the keys that each one must have; to stop or remove a container its name is enough.
    """
    if not isinstance(raw, list | tuple):
        given = "nothing" if raw is None else type(raw).__name__
        raise SpecError([f"specs: expected a list of specifications, got {given}"])
    problems: list[str] = []
    parsed = [_parse_one(place, item, instance, tuple(required), problems) for place, item in enumerate(raw, start=1)]
    specs = [spec for spec in parsed if spec]
    problems += [*_same_names(specs), *_same_ports(specs), *_cycles(specs)]
    if problems:
        raise SpecError(problems)
    return specs


def _parse_one(place: int, raw: Any, instance: str, required: tuple[str, ...], problems: list[str]) -> Spec | None:
    """One specification; its mistakes go to `problems`."""
    if not isinstance(raw, Mapping):
        problems.append(f"specs, item {place}: {raw!r} is not a mapping of options")
        return None
    title = str(raw.get("name") or raw.get("component") or f"specs, item {place}")
    found: list[str] = []
    identity = _read(raw, _IDENTITY, found)
    options = DEFAULTS | _read(raw, {name: option.parse for name, option in OPTIONS.items()}, found)
    known = [*_IDENTITY, *OPTIONS]
    found += [f"unknown option {str(key)!r}{values.nearest(str(key), known)}" for key in raw if key not in known]
    found += [f"{key} is missing" for key in required if raw.get(key) is None]
    found += _contradictions(options, identity)
    problems += [f"{title}: {problem}" for problem in found]
    return None if found else _build(identity, options, instance)


def _read(raw: Mapping, parsers: Mapping[str, values.Parser], problems: list[str]) -> dict[str, Any]:
    """The options that are set and not null, parsed."""
    result = {}
    for name, parse_value in parsers.items():
        if raw.get(name) is None:
            continue
        try:
            result[name] = parse_value(raw[name])
        except ValueError as error:
            problems.append(f"{name}: {error}")
    return result


def _build(identity: Mapping[str, Any], options: Mapping[str, Any], instance: str) -> Spec:
    return Spec(
        name=identity["name"],
        component=identity.get("component", identity["name"].removeprefix(f"{instance}-")),
        instance=instance,
        image=identity.get("image", ""),
        options=options,
        needs=tuple(identity.get("needs", ())),
        secret_env=frozenset(identity.get("secret_env", ())),
        files=tuple(File(**file) for file in identity.get("files", ())),
    )


def _contradictions(options: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    """Options that contradict each other."""
    found = []
    memory, swap, reserved = options["memory"], options["memory_swap"], options["memory_reservation"]
    if swap and not memory:
        found.append("memory_swap: it limits memory and swap together, so memory must be set too")
    if swap > 0 and swap < memory:
        found.append("memory_swap: it limits memory and swap together, so it cannot be less than memory")
    if memory and reserved > memory:
        found.append("memory_reservation: it is more than memory")
    if options["published_ports"] and not options["networks"]:
        found.append("published_ports: a container without networks cannot publish ports")
    if options["restart_retries"] and options["restart_policy"] != "on-failure":
        found.append("restart_retries: it requires the restart_policy on-failure")
    if options["log_options"] and not options["log_driver"]:
        found.append("log_options: log_driver must be set too")
    reserved = (LABEL_INSTANCE, LABEL_COMPONENT, LABEL_CONTAINER, LABEL_HASH)
    found += [f"labels: {label} is reserved for this plugin" for label in options["labels"] if label in reserved]
    targets = [mount["target"] for mount in options["mounts"]] + [file["target"] for file in identity.get("files", [])]
    try:
        refuse_twice(targets, "is mounted twice")
    except ValueError as error:
        found.append(f"files: {error}")
    return found


def _same_names(specs: Sequence[Spec]) -> list[str]:
    names = Counter(spec.name for spec in specs)
    return [f"{name}: {count} specifications have this name" for name, count in sorted(names.items()) if count > 1]


def _same_ports(specs: Sequence[Spec]) -> list[str]:
    owners: dict[str, str] = {}
    found = []
    for spec in specs:
        for published in spec.options["published_ports"]:
            side = host_side(published)
            if side in owners and owners[side] != spec.name:
                found.append(f"{spec.name}: published_ports: {side} is published by {owners[side]} too")
            owners[side] = spec.name
    return found


def _cycles(specs: Sequence[Spec]) -> list[str]:
    """The first cycle of needs, if there is one."""
    needs: dict[str, set[str]] = {}
    for spec in specs:
        needs.setdefault(spec.component, set()).update(spec.needs)
    cycle = graphs.cycle(needs)
    return [f"needs: {' -> '.join(cycle)} is a cycle; no container could start first"] if cycle else []
