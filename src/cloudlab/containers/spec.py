"""Specifications: what a user writes, validated option by option and normalised.

`parse` takes the list as it was written and returns `Spec`s, or raises one SpecError with every mistake in the list.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudlab.containers import values
from cloudlab.model import graphs
from cloudlab.model.problems import ProblemsError

LABEL_INSTANCE = "cloudlab.instance"
LABEL_COMPONENT = "cloudlab.component"
LABEL_CONTAINER = "cloudlab.container"  # the name it was made for: tells a renamed container from another one
LABEL_HASH = "cloudlab.spec"
HASH_FORMAT = 1  # raised when equal specifications have to make new containers

# A container's name while it is made to replace another one.
SUCCESSOR = ".next"


class SpecError(ProblemsError):
    """What is wrong with a list of specifications, one line each."""


@dataclass(frozen=True)
class File:
    """A configuration file: its text (once rendered), where it stands on the host, and where in the container.

    src: the template of its text. copy: the file of this machine that has its text. Both empty: the text was written in
    the specification.
    """

    target: str
    mode: int
    secret: bool
    src: str = ""
    content: str = ""
    copy: str = ""
    path: str = ""

    @property
    def octets(self) -> bytes:
        """Its text as it stands on disk. A copy may hold anything; see files.prepare."""
        return self.content.encode(errors="surrogateescape")

    @property
    def digest(self) -> str:
        """The SHA-256 of its text."""
        return hashlib.sha256(self.octets).hexdigest()


@dataclass(frozen=True)
class Spec:
    """One container as it is wanted.

    options: every option of OPTIONS in its normal form (sizes in bytes, cpus in billionths, durations in nanoseconds).
    needs: components that come first. secret_env: variables to hide besides those whose names tell.
    digests: SHA-256 of the files of the host that are bind-mounted read-only, by source.
    """

    name: str
    component: str
    instance: str
    image: str
    options: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    secret_env: frozenset[str] = frozenset()
    files: tuple[File, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def mounts(self) -> list[dict[str, Any]]:
        """Its own mounts and those of its files."""
        files = [
            {**MOUNT_DEFAULTS, "type": "bind", "source": file.path, "target": file.target, "read_only": True}
            for file in self.files
        ]
        return sorted(self.options["mounts"] + files, key=lambda mount: mount["target"])

    @property
    def labels(self) -> dict[str, str]:
        """Its own labels and those by which the container is known."""
        return {
            **self.options["labels"],
            LABEL_INSTANCE: self.instance,
            LABEL_COMPONENT: self.component,
            LABEL_CONTAINER: self.name,
            LABEL_HASH: self.hash,
        }

    @property
    def hash(self) -> str:
        """The hash of all that a container is made of and cannot be changed in place, with the content of its files.

        What can be changed in place (ADJUSTABLE) is compared with the container itself, and so is the image, by its id.
        Options at their defaults are left out: an option that a later version adds re-creates nothing.
        """
        fixed = {
            name: value for name, value in self.options.items() if name not in ADJUSTABLE and value != DEFAULTS[name]
        }
        files = [(file.target, file.mode, file.digest) for file in self.files]
        document = [HASH_FORMAT, self.component, fixed, sorted(files), sorted(self.digests.items())]
        return hashlib.sha256(json.dumps(document, sort_keys=True, default=list).encode()).hexdigest()


MOUNT_DEFAULTS: dict[str, Any] = {"read_only": False, "tmpfs_size": 0, "tmpfs_mode": None, "tmpfs_options": []}


def _mount(value: Any) -> dict[str, Any]:
    mount = _MOUNT_FIELDS(value)
    kind = mount.setdefault("type", "volume")
    mount = {**MOUNT_DEFAULTS, **mount}
    if not mount.get("on_engine"):
        # Left out rather than false: what does not use it keeps its hash.
        mount.pop("on_engine", None)
    elif kind != "bind":
        raise ValueError(f"on_engine on a {kind}; only the source of a bind is a path")
    if kind == "tmpfs":
        if mount.get("source"):
            raise ValueError("a tmpfs has no source")
        mount["source"] = ""
        if mount["read_only"]:
            raise ValueError("a read-only tmpfs is of no use")
        return mount
    if not mount.get("source"):
        raise ValueError(f"source is missing; a {kind} without it would be anonymous")
    if any(mount[key] != MOUNT_DEFAULTS[key] for key in ("tmpfs_size", "tmpfs_mode", "tmpfs_options")):
        raise ValueError(f"options of a tmpfs on a {kind}")
    mount["source"] = (
        os.path.normpath(values.absolute(mount["source"])) if kind == "bind" else values.name(mount["source"])
    )
    return mount


def _tmpfs_option(value: Any) -> str:
    if isinstance(value, Mapping) and len(value) == 1:
        [(key, setting)] = value.items()
        return values.text(key) if setting is None else f"{values.text(key)}={values.text(setting)}"
    return values.filled(value)


_MOUNT_FIELDS = values.fields(
    {
        "type": values.one_of("volume", "bind", "tmpfs"),
        "source": values.text,
        "target": values.absolute,
        "read_only": values.boolean,
        "on_engine": values.boolean,
        "tmpfs_size": values.size,
        "tmpfs_mode": values.mode,
        "tmpfs_options": values.set_of(_tmpfs_option),
    },
    required=("target",),
)


def _mounts(value: Any) -> list[dict[str, Any]]:
    mounts = values.list_of(_mount)(value)
    _refuse_twice([mount["target"] for mount in mounts], "is mounted twice")
    return sorted(mounts, key=lambda mount: mount["target"])


def _network(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = {"name": value}
    return _NETWORK_FIELDS(value)


_NETWORK_FIELDS = values.fields({"name": values.name, "aliases": values.set_of(values.host)}, required=("name",))


def _networks(value: Any) -> dict[str, list[str]]:
    """Network -> aliases, in the order written: the first one is the container's default. Repeated ones are joined."""
    networks: dict[str, list[str]] = {}
    for network in values.list_of(_network)(value):
        aliases = set(networks.get(network["name"], [])) | set(network.get("aliases", []))
        networks[network["name"]] = sorted(aliases)
    return networks


def _ports(value: Any) -> list[str]:
    ports = values.set_of(values.port)(value)
    _refuse_twice([_host_side(port) for port in ports], "is published twice")
    return ports


def _host_side(published: str) -> str:
    address, host, inside = values.split_port(published)
    return f"{address}:{host}/{inside.partition('/')[2]}"


def _ulimits(value: Any) -> list[list]:
    limits = sorted(values.list_of(values.ulimit)(value))
    _refuse_twice([limit[0] for limit in limits], "is limited twice")
    return [list(limit) for limit in limits]


def _health_test(value: Any) -> list[str]:
    if isinstance(value, str):
        return ["CMD-SHELL", values.filled(value)]
    test = values.list_of(values.text)(value)
    if not test or test[0] not in ("CMD", "CMD-SHELL", "NONE"):
        raise ValueError("a list begins with CMD, CMD-SHELL or NONE")
    return test


_HEALTH_FIELDS = values.fields(
    {
        "test": _health_test,
        "interval": values.nanoseconds,
        "timeout": values.nanoseconds,
        "retries": values.integer,
        "start_period": values.nanoseconds,
        "start_interval": values.nanoseconds,
        "fallback_interval": values.nanoseconds,
    },
    required=("test",),
)


def _file(value: Any) -> dict[str, Any]:
    file = _FILE_FIELDS(value)
    if len(file.keys() & {"src", "content", "copy"}) != 1:
        raise ValueError("exactly one of src, content and copy must be set")
    if not file.get("mode", 0o444) & 0o400:
        raise ValueError("its owner could not read it")
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


@dataclass(frozen=True)
class Option:
    """How an option is read, and what it is when it is not written."""

    parse: values.Parser
    default: Any = None


OPTIONS: dict[str, Option] = {
    "command": Option(values.list_of(values.text)),
    "entrypoint": Option(values.list_of(values.text)),
    "env": Option(values.environment, {}),
    "labels": Option(values.mapping, {}),
    "user": Option(values.text),
    "working_dir": Option(values.absolute),
    "hostname": Option(values.filled),
    "networks": Option(_networks, {}),
    "published_ports": Option(_ports, []),
    "mounts": Option(_mounts, []),
    "memory": Option(values.memory, 0),
    "memory_swap": Option(values.memory_swap, 0),
    "memory_reservation": Option(values.memory, 0),
    "cpus": Option(values.cpus, 0),
    "pids_limit": Option(values.pids, 0),
    "shm_size": Option(values.size, 0),
    "ulimits": Option(_ulimits, []),
    "cap_drop": Option(values.set_of(values.capability), []),
    "cap_add": Option(values.set_of(values.capability), []),
    "security_opts": Option(values.set_of(values.filled), []),
    "read_only": Option(values.boolean, False),
    "init": Option(values.boolean, False),
    "restart_policy": Option(values.one_of("no", "always", "on-failure", "unless-stopped"), "no"),
    "restart_retries": Option(values.integer, 0),
    "stop_signal": Option(values.filled),
    "stop_timeout": Option(values.seconds),
    "healthcheck": Option(_HEALTH_FIELDS),
    "log_driver": Option(values.filled),
    "log_options": Option(values.mapping, {}),
    "sysctls": Option(values.mapping, {}),
    "etc_hosts": Option(values.mapping, {}),
    "group_add": Option(values.set_of(values.filled), []),
}
DEFAULTS = {name: option.default for name, option in OPTIONS.items()}

# What the engine can change on a container that lives: never a reason to make a new one by itself.
ADJUSTABLE = frozenset(
    (
        "networks",
        "memory",
        "memory_swap",
        "memory_reservation",
        "cpus",
        "pids_limit",
        "restart_policy",
        "restart_retries",
    )
)

# Keys of a specification that are not options of the container itself.
_IDENTITY = {
    "name": values.name,
    "component": values.component,
    "image": values.filled,
    "needs": values.set_of(values.component),
    "secret_env": values.set_of(values.filled),
    "files": values.list_of(_file),
}


def parse(raw: Any, instance: str, required: Iterable[str] = ("name", "component", "image")) -> list[Spec]:
    """Read a list of specifications; raise SpecError with all that is wrong in any of them.

    required: what each one must have; to stop or remove a container its name is enough.
    """
    if not isinstance(raw, list | tuple):
        given = "nothing" if raw is None else type(raw).__name__
        raise SpecError([f"specs: a list of specifications is wanted, this is {given}"])
    problems: list[str] = []
    parsed = [_parse_one(place, item, instance, tuple(required), problems) for place, item in enumerate(raw, start=1)]
    specs = [spec for spec in parsed if spec]
    problems += _conflicts(specs)
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
    options = {name: option.default for name, option in OPTIONS.items()}
    options |= _read(raw, {name: option.parse for name, option in OPTIONS.items()}, found)
    known = [*_IDENTITY, *OPTIONS]
    found += [f"unknown option {str(key)!r}{values.nearest(str(key), known)}" for key in raw if key not in known]
    found += [f"{key} is missing" for key in required if raw.get(key) is None]
    found += _contradictions(options, identity)
    problems += [f"{title}: {problem}" for problem in found]
    return None if found else _build(identity, options, instance)


def _read(raw: Mapping, parsers: Mapping[str, values.Parser], problems: list[str]) -> dict[str, Any]:
    """The options that are written and not null, parsed."""
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
    files = [
        File(mode=file.pop("mode", 0o444), secret=file.pop("secret", False), **file)
        for file in identity.get("files", [])
    ]
    return Spec(
        name=identity["name"],
        component=identity.get("component", identity["name"].removeprefix(f"{instance}-")),
        instance=instance,
        image=identity.get("image", ""),
        options=options,
        needs=tuple(identity.get("needs", ())),
        secret_env=frozenset(identity.get("secret_env", ())),
        files=tuple(files),
    )


def _contradictions(options: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    """What is wrong between options that are right by themselves."""
    found = []
    memory, swap, reserved = options["memory"], options["memory_swap"], options["memory_reservation"]
    if swap and not memory:
        found.append("memory_swap: it limits memory and swap together, so memory has to be set too")
    if swap > 0 and swap < memory:
        found.append("memory_swap: it limits memory and swap together, so it cannot be less than memory")
    if memory and reserved > memory:
        found.append("memory_reservation: it is more than memory")
    if options["published_ports"] and not options["networks"]:
        found.append("published_ports: a container without networks cannot publish ports")
    if options["restart_retries"] and options["restart_policy"] != "on-failure":
        found.append("restart_retries: only the restart_policy on-failure counts")
    if options["log_options"] and not options["log_driver"]:
        found.append("log_options: log_driver has to be set too")
    own = [
        label for label in options["labels"] if label in (LABEL_INSTANCE, LABEL_COMPONENT, LABEL_CONTAINER, LABEL_HASH)
    ]
    found += [f"labels: {label} is set by this plugin" for label in own]
    targets = [mount["target"] for mount in options["mounts"]] + [file["target"] for file in identity.get("files", [])]
    try:
        _refuse_twice(targets, "is mounted twice")
    except ValueError as error:
        found.append(f"files: {error}")
    return found


def _conflicts(specs: Sequence[Spec]) -> list[str]:
    """What is wrong between specifications that are right by themselves."""
    return [*_same_names(specs), *_same_ports(specs), *_cycles(specs)]


def _same_names(specs: Sequence[Spec]) -> list[str]:
    names = [spec.name for spec in specs]
    return [
        f"{name}: {names.count(name)} specifications have this name"
        for name in sorted(set(names))
        if names.count(name) > 1
    ]


def _same_ports(specs: Sequence[Spec]) -> list[str]:
    owners: dict[str, str] = {}
    found = []
    for spec in specs:
        for published in spec.options["published_ports"]:
            side = _host_side(published)
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
    return [f"needs: {' -> '.join(cycle)} is a circle; nothing could start first"] if cycle else []


def _refuse_twice(items: Sequence[str], complaint: str) -> None:
    for item in items:
        if items.count(item) > 1:
            raise ValueError(f"{item} {complaint}")
