"""A platform: a checkout of services with a description of them, checked and turned into entries of the catalogue.

Shapes: a description is what cloudlab.yml holds, {"services": {name: {…}}}; an entry of the catalogue is described in
group_vars/all/catalogue.yml. The description is plain data: nothing in it is a template.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from cloudlab.model import catalogue, extension, placeholders, settings
from cloudlab.model.description import DESCRIPTION, PlatformError, read, selected

ROLE = "go_service"
IMAGE = "go-runtime"
BUILDER = "builder"

DEFAULT_NETWORKS = ["backend", "database"]
DEFAULT_RESOURCES = {"full": {"memory": "192m", "cpus": 2, "pids": 256}, "lite": {"memory": "128m"}}
# After the stores, before what shows them.
DEFAULT_STARTUP = 55

HEALTH_KINDS = ("http", "grpc", "tcp", "none")
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_PACKAGE_MAIN = re.compile(r"^package[ \t]+main\b", re.MULTILINE)
# Where no package of the platform's own lies.
_FOREIGN = {"vendor", "node_modules", "testdata"}
_MOST_FOLDERS = 5000


def chosen(environ: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """The committed catalogue with the services of the platform that `.env` or the process environment choose.

    What a play sees before any host is known. Raises PlatformError, and SettingsError for settings that cannot be read.
    """
    values = catalogue.committed("platform") | settings.load(environ)
    return complete(catalogue.committed()["catalogue"], values)


def complete(components: catalogue.Catalogue, values: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """`components` with the services of the platform that the settings `values` choose. Raises PlatformError."""
    return merged(components, settings.ROOT / Path(values["platform_src"]).expanduser(), values["platform_catalogue"])


def merged(components: catalogue.Catalogue, folder: Path | str, description: str = "") -> dict[str, Mapping[str, Any]]:
    """`components` with the platform's services added to them.

    :param components: the infrastructure.
    :param folder: the checkout. :param description: its description, relative to it; cloudlab.yml when empty.

    Raises PlatformError with everything that is wrong.
    """
    root = Path(folder).expanduser().resolve()
    file = root / (description or DESCRIPTION)
    document = read(root, file)
    if found := problems(document, root, components):
        raise PlatformError([f"{file}: {text}" for text in found])
    return {**components, **{name: entry(service) for name, service in document["services"].items()}}


def entry(service: Mapping[str, Any]) -> dict[str, Any]:
    """A service of a description as an entry of the catalogue, with every default filled in."""
    go = service["go"]
    return {
        **service,
        "role": ROLE,
        "kind": "service",
        "image": IMAGE,
        "needs": [BUILDER, *service.get("needs", [])],
        "networks": service.get("networks", DEFAULT_NETWORKS),
        "resources": {**DEFAULT_RESOURCES, **service.get("resources", {})},
        "startup": service.get("startup", DEFAULT_STARTUP),
        "replicas": service.get("replicas", 1),
        "env": service.get("env", {}),
        "health": service.get("health", {"none": True}),
        "go": {
            "module": go.get("module", "."),
            "main": go["main"],
            "args": go.get("args", []),
            "working_dir": go.get("working_dir", go.get("module", ".")),
            "tags": go.get("tags", []),
        },
    }


def setting_names(values: Mapping[str, Any]) -> list[str]:
    """The settings that the platform declares for its services: `{setting.<name>}`. Raises PlatformError."""
    return extension.placeholder_names(selected(values))


def seed(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The seeding of the platform that the settings `values` select: an entry as of a service, with its `sizes`.

    None for a platform without one. Raises PlatformError.
    """
    declared = selected(values).get("seed")
    return entry(_program(declared)) | {"sizes": declared["sizes"]} if declared else None


def _program(declared: Mapping[str, Any]) -> dict[str, Any]:
    """A declared seeding as a service."""
    return {"summary": "Sample data", **{key: declared[key] for key in ("go", "env") if key in declared}}


def problems(document: Mapping[str, Any], root: Path, components: catalogue.Catalogue) -> list[str]:
    """Everything that is wrong with a description; a message each, without the file's name."""
    found = extension.problems(document, settings.taken())
    services = document["services"]
    for name, service in services.items():
        place = f"services.{name}"
        if not isinstance(name, str) or not NAME.fullmatch(name):
            found.append(f"{place}: a name is up to 31 lower-case letters, digits and dashes, a letter first.")
        elif name in components or name in catalogue.ANSIBLE_TAGS:
            found.append(f"{place}: {name} is the name of a component of the environment already. Choose another one.")
        elif not isinstance(service, Mapping):
            found.append(f"{place}: a mapping is wanted.")
        else:
            found += _Check(place, str(name), service, root, {**components, **services}).run()
    if not found and "seed" in document:
        found += _Check("seed", "seed", _program(document["seed"]), root, {**components, **services}).run()
    return found + _same_host_ports(services)


def _same_host_ports(services: Mapping[str, Any]) -> list[str]:
    """Ports of the host that several services ask for by number."""
    users: dict[int, list[str]] = {}
    for name, service in services.items():
        ports = service.get("ports", []) if isinstance(service, Mapping) else []
        for port in ports if isinstance(ports, list) else []:
            if isinstance(port, Mapping) and isinstance(port.get("host"), int):
                users.setdefault(port["host"], []).append(str(name))
    return [
        f"services: the host port {port} is wanted by {' and '.join(who)}. Give each one of its own."
        for port, who in users.items()
        if len(who) > 1
    ]


# What a value has to be -> (how to say it, how to tell).
_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda value: isinstance(value, str) and bool(value)),
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "count": (
        "a whole number from 1",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0,
    ),
    "number": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "port": (
        "a port, 1 to 65535",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536,
    ),
    "texts": (
        "a list of texts",
        lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    ),
    "mapping": ("a mapping", lambda value: isinstance(value, Mapping)),
    "mappings": (
        "a list of mappings",
        lambda value: isinstance(value, list) and all(isinstance(item, Mapping) for item in value),
    ),
    "arguments": (
        "a list of texts and numbers",
        lambda value: isinstance(value, list) and all(isinstance(item, str | int | float) for item in value),
    ),
}

SERVICE_KEYS = {
    "summary": "text", "needs": "texts", "networks": "texts", "ports": "mappings", "grpc": "port",
    "resources": "mapping", "schema": "flag", "database": "text", "topics": "mappings", "replicas": "count",
    "go": "mapping", "env": "mapping", "health": "mapping", "volumes": "mapping", "routes": "mappings",
    "startup": "number", "access": "mapping", "metrics": "mapping",
}  # fmt: skip
GO_KEYS = {"module": "text", "main": "text", "args": "arguments", "working_dir": "text", "tags": "texts"}
PORT_KEYS = {"name": "text", "container": "port", "setting": "text", "default": "port", "host": "port"}
HEALTH_KEYS = {
    "http": "text", "grpc": "port", "tcp": "port", "none": "flag", "port": "port", "service": "text",
    "start_period": "text",
}  # fmt: skip
ACCESS_KEYS = {"user": "text", "password": "text"}
METRICS_KEYS = {"port": "port", "path": "text"}
TOPIC_KEYS = {"name": "text", "partitions": "count", "retention_hours": "number"}


class _Check:
    """The check of one service; `found` collects what is wrong."""

    def __init__(self, place: str, name: str, service: Mapping[str, Any], root: Path, everybody: Mapping[str, Any]):
        self.place, self.name, self.service, self.root, self.everybody = place, name, service, root, everybody
        self.found: list[str] = []

    def run(self) -> list[str]:
        """Everything that is wrong with the service."""
        self.keys("", self.service, SERVICE_KEYS, ("summary", "go"))
        if self.found:
            return self.found
        self.names("needs", self.everybody, "component")
        for place, port in enumerate(self.service.get("ports", []), start=1):
            self.port(f"ports, item {place}", port)
        for place, topic in enumerate(self.service.get("topics", []), start=1):
            self.keys(f"topics, item {place}", topic, TOPIC_KEYS, ("name",))
        for volume, target in self.service.get("volumes", {}).items():
            if not isinstance(target, str) or not target.startswith("/"):
                self.say(f"volumes.{volume}", "an absolute path in the container is wanted.")
        if self.service.get("schema") and self.service.get("database"):
            self.say("database", "a service has a schema in the common database or a database of its own, not both.")
        if self.name in self.service.get("needs", []):
            self.say("needs", f"{self.name} cannot need itself.")
        self.health()
        self.env()
        self.access()
        self.metrics()
        self.go()
        return self.found

    def say(self, key: str, text: str) -> None:
        """Note a problem with a key of the service."""
        self.found.append(f"{self.place}{f'.{key}' if key else ''}: {text}")

    def keys(self, key: str, value: Mapping[str, Any], kinds: Mapping[str, str], required: Iterable[str] = ()) -> bool:
        """Whether a mapping has known keys of the right kinds only."""
        before = len(self.found)
        for text in catalogue.unknown([str(name) for name in value], kinds, "key"):
            self.say(key, text)
        for name in required:
            if value.get(name) is None:
                self.say(key, f"{name} must be set.")
        for name, item in value.items():
            if name in kinds and item is not None and not _KINDS[kinds[name]][1](item):
                self.say(f"{key}.{name}".strip("."), f"{item!r} is not {_KINDS[kinds[name]][0]}.")
        return len(self.found) == before

    def names(self, key: str, valid: Iterable[str], what: str) -> None:
        """Check a list of names."""
        for text in catalogue.unknown(self.service.get(key, []), valid, what):
            self.say(key, text)

    def port(self, key: str, port: Mapping[str, Any]) -> None:
        """Check a published port."""
        if self.keys(key, port, PORT_KEYS, ("name", "container")) and ("setting" in port) == ("host" in port):
            self.say(key, "exactly one of host (the port on this machine) and setting (its variable) is wanted.")

    def health(self) -> None:
        """Check how the service is asked whether it is in order."""
        health = self.service.get("health", {"none": True})
        if not self.keys("health", health, HEALTH_KEYS):
            return
        kinds = [kind for kind in HEALTH_KINDS if kind in health]
        if len(kinds) != 1:
            self.say("health", f"exactly one of {', '.join(HEALTH_KINDS)} is wanted.")
        elif kinds == ["http"] and not health["http"].startswith("/"):
            self.say("health.http", f"{health['http']!r} is not a path; it begins with /.")
        elif kinds == ["http"] and "port" not in health and not self.service.get("ports"):
            self.say("health", "port must be set: the service publishes none.")

    def env(self) -> None:
        """Check the variables and the placeholders in them."""
        for variable, value in self.service.get("env", {}).items():
            key = f"env.{variable}"
            if isinstance(value, bool | float) or not isinstance(value, str | int):
                self.say(key, f"{value!r} is ambiguous as the value of a variable; put it into quotes.")
                continue
            self.placeholders(key, str(value))

    def access(self) -> None:
        """Check who may log in to the service, for the page that shows it."""
        access = self.service.get("access", {})
        if self.keys("access", access, ACCESS_KEYS):
            for key, text in access.items():
                self.placeholders(f"access.{key}", text)

    def metrics(self) -> None:
        """Check where the service publishes its metrics."""
        metrics = self.service.get("metrics")
        known = metrics is None or self.keys("metrics", metrics, METRICS_KEYS, ("port",))
        if metrics and known and not metrics.get("path", "/").startswith("/"):
            self.say("metrics.path", f"{metrics['path']!r} is not a path; it begins with /.")

    def placeholders(self, key: str, text: str) -> None:
        """Check what is to be filled in."""
        for problem in placeholders.problems(text, self.name, self.service, self.everybody):
            self.say(key, problem)

    def go(self) -> None:
        """Check where the main package is."""
        go = self.service["go"]
        if not self.keys("go", go, GO_KEYS, ("main",)):
            return
        module = self.folder("go.module", go.get("module", "."), self.root)
        self.folder("go.working_dir", go.get("working_dir", "."), self.root)
        if module is None:
            return
        if not _in_module(module, self.root):
            self.say("go.module", f"there is neither a go.mod nor a go.work in {module}. {_nearest_module(self.root)}")
            return
        main = PurePosixPath(go["main"])
        folder = (module / main).resolve()
        if main.is_absolute() or not folder.is_relative_to(self.root):
            self.say("go.main", f"{go['main']} must be a folder below {self.root}, relative to the module.")
        elif not is_main(folder):
            what = "holds no package main" if folder.is_dir() else "does not exist"
            self.say("go.main", f"{folder} {what}. {_nearest_main(go['main'], module)}")

    def folder(self, key: str, value: str, root: Path) -> Path | None:
        """A folder of the checkout, or None when there is none."""
        path = (root / value).resolve()
        if PurePosixPath(value).is_absolute() or not path.is_relative_to(root):
            self.say(key, f"{value} must be a folder below {root}, relative to it.")
        elif not path.is_dir():
            self.say(key, f"{path} does not exist. It is relative to the checkout {root}.")
        else:
            return path
        return None


def is_main(folder: Path) -> bool:
    """Whether the folder holds a main package."""
    if not folder.is_dir():
        return False
    files = (file for file in sorted(folder.glob("*.go")) if not file.name.endswith("_test.go"))
    return any(_PACKAGE_MAIN.search(file.read_text(encoding="utf-8", errors="replace")) for file in files)


def _in_module(folder: Path, root: Path) -> bool:
    """Whether go finds a module or workspace for the folder."""
    places = [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]
    return any((place / name).is_file() for place in places for name in ("go.mod", "go.work"))


def _nearest_module(root: Path) -> str:
    folders = sorted({file.parent for file in _walk(root, ("go.mod", "go.work"))})
    names = [folder.relative_to(root).as_posix() for folder in folders]
    return f"Modules of the checkout: {', '.join(names)}." if names else "The checkout has none: `go mod init`."


def _nearest_main(wanted: str, module: Path) -> str:
    folders = sorted({file.parent for file in _walk(module, ("*.go",))})
    names = [f"./{folder.relative_to(module).as_posix()}" for folder in folders if is_main(folder)]
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Main packages of the module: {', '.join(names)}." if names else "The module has no main package."


def _walk(root: Path, patterns: Iterable[str]) -> list[Path]:
    """Files below a folder, for suggestions; in a checkout of thousands of folders not all of them are looked at."""
    found: list[Path] = []
    waiting, seen = [root], 0
    while waiting and seen < _MOST_FOLDERS:
        folder = waiting.pop()
        seen += 1
        for pattern in patterns:
            found += folder.glob(pattern)
        waiting += [path for path in folder.iterdir() if _own_folder(path)]
    return found


def _own_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and path.name not in _FOREIGN and path.name[0] not in "._"
