"""What the containers of a platform's services are made of. Pure functions over plain data.

In hot reload, one builder compiles all services into a volume, the shelf, and each service's container holds a runner
that starts the program it finds there, and every newer one. Without it, each service runs from an image of its own.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudlab.model import placeholders

# Paths in the containers.
SOURCE = "/src"
SHELF = "/cloudlab/bin"
RUNNER = f"{SHELF}/runner"
BUILDER_SHELF = "/go/bin"
RELOAD_SOURCE = "/cloudlab/reload"
CA_BUNDLE = "/etc/cloudlab/ca-bundle.crt"
RUN_FOLDER = "/run/cloudlab"

BUILDER = "builder"
# Its version: containers are made anew when the program that supervises them changes.
LABEL_RELOAD = "cloudlab.reload"
# Nobody's number, for checkouts that belong to root.
NOBODY = "65532:65532"

# Variables of the user that say where modules come from and how to get there. Nothing else of the user's is passed on.
DOWNLOAD_VARIABLES = (
    "GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GOPRIVATE", "GONOPROXY", "GOINSECURE", "GOVCS", "GOTOOLCHAIN",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip

HEALTH_TIMES = {
    "interval": "10s",
    "timeout": "5s",
    "retries": 3,
    "start_period": "60s",
    "start_interval": "1s",
    # Ten services asked every two seconds would cost a quarter of a processor.
    "fallback_interval": "5s",
}


class ServiceError(ValueError):
    """A service cannot be specified; the message says why."""


@dataclass(frozen=True)
class Settings:
    """What holds for all services of a run.

    stores: store -> {placeholder's key: value}, as other containers reach them.
    secret: the value of a generated secret by its name.
    user: uid:gid of the processes, who has to be able to read the checkout.
    reload: version of the programs in files/reload.
    images: service -> image of its own, for services that are not run in hot reload.
    telemetry: variables that every service gets, with its name; empty when there is nowhere to send anything.
    """

    platform: str
    stores: Mapping[str, Mapping[str, Any]]
    secret: Callable[[str], str]
    log_level: str = "info"
    user: str = NOBODY
    reload: str = ""
    hot_reload: bool = True
    images: Mapping[str, str] = field(default_factory=dict)
    telemetry: Mapping[str, str] = field(default_factory=dict)


def account(name: str, entry: Mapping[str, Any], database: str) -> dict[str, str]:
    """The PostgreSQL account of a service: {"role", "database", "secret"}, and "schema" where it has one.

    `database` is the common one. Dashes, which would have to be quoted everywhere, become underscores.
    """
    role = name.replace("-", "_")
    own = {"role": role, "database": entry.get("database") or database, "secret": f"postgres_{name}"}
    return {**own, "schema": role} if entry.get("schema") else own


def accounts(catalogue: Mapping[str, Mapping[str, Any]], secret: Callable[[str], str]) -> list[dict[str, str]]:
    """The accounts of all services that declare a schema or a database, as the role postgres takes them."""
    found = []
    for name, entry in catalogue.items():
        if entry["kind"] == "service" and (entry.get("schema") or entry.get("database")):
            own = account(name, entry, "")
            found.append(
                {
                    "name": name,
                    "role": own["role"],
                    "password": secret(own["secret"]),
                    **{key: own[key] for key in ("schema", "database") if own.get(key)},
                }
            )
    return found


def databases(catalogue: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """The databases that services have of their own: {"name", "owner"} each, once."""
    owned: dict[str, str] = {}
    for name, entry in catalogue.items():
        if entry["kind"] == "service" and entry.get("database"):
            owned.setdefault(entry["database"], account(name, entry, "")["role"])
    return [{"name": database, "owner": owner} for database, owner in owned.items()]


def specs(
    names: Iterable[str], components: Mapping[str, Any], catalogue: Mapping[str, Any], settings: Settings
) -> list[dict[str, Any]]:
    """The containers of the services `names`, replicas included, as the action `containers` takes them.

    :param components: the fact's `components`, whose base specifications are completed.

    A service without an image is left out where it needs one: what runs of it goes on. Raises ServiceError for a
    placeholder without a value.
    """
    return [
        spec
        for name in names
        if settings.hot_reload or name in settings.images
        for spec in _replicas(service(name, components[name], catalogue, settings), catalogue[name].get("replicas", 1))
    ]


def service(
    name: str, component: Mapping[str, Any], catalogue: Mapping[str, Any], settings: Settings
) -> dict[str, Any]:
    """The container of one replica of a service."""
    entry = catalogue[name]
    specify = _reloaded if settings.hot_reload else _own
    return {
        **component["spec"],
        **specify(name, component, entry, settings),
        # Services find each other by themselves, whichever comes first; nothing is gained by starting them in turn.
        "needs": [],
        "user": settings.user,
        "env": environment(name, catalogue, settings),
        "secret_env": [name for name, text in entry.get("env", {}).items() if placeholders.is_secret(str(text))],
        "healthcheck": health(entry, settings.hot_reload),
        "stop_timeout": 15,
    }


def _reloaded(name: str, component: Mapping[str, Any], entry: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """A container in which the runner starts what the builder made."""
    base = component["spec"]
    return {
        "entrypoint": [RUNNER],
        "command": ["run", f"{SHELF}/services/{name}", *_arguments(entry)],
        "working_dir": source_path(entry["go"]["working_dir"]),
        "labels": {**base.get("labels", {}), LABEL_RELOAD: settings.reload},
        "mounts": [
            *base.get("mounts", []),
            {"type": "volume", "source": shelf_volume(base, name), "target": SHELF, "read_only": True},
            {"type": "bind", "source": settings.platform, "target": SOURCE, "read_only": True},
            *_scratch(settings.user),
        ],
    }


def _own(name: str, component: Mapping[str, Any], entry: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """A container of an image that holds the program; see roles/go_service/templates/Dockerfile.j2."""
    return {
        "image": settings.images[name],
        "entrypoint": ["/cloudlab/service"],
        "command": _arguments(entry),
        "working_dir": source_path(entry["go"]["working_dir"]),
        "mounts": [*component["spec"].get("mounts", []), *_scratch(settings.user)],
    }


def shelf_volume(base: Mapping[str, Any], name: str) -> str:
    """The builder's volume of programs, seen from a service's base specification."""
    return f"{base['name'].removesuffix(name)}{BUILDER}-bin"


def _scratch(user: str) -> list[dict[str, Any]]:
    """Where a container may write.

    When a container starts again, a tmpfs gets the mode of the folder below it: one that no image brings has to belong
    to the user.
    """
    uid, gid = user.split(":")
    return [
        {"type": "tmpfs", "target": "/tmp", "tmpfs_size": "64m", "tmpfs_mode": "1777", "tmpfs_options": ["nosuid"]},  # noqa: S108 - in the container
        {
            "type": "tmpfs",
            "target": RUN_FOLDER,
            "tmpfs_size": "1m",
            "tmpfs_mode": "0755",
            "tmpfs_options": ["nosuid", f"uid={uid}", f"gid={gid}"],
        },
    ]


def _arguments(entry: Mapping[str, Any]) -> list[str]:
    return [str(argument) for argument in entry["go"].get("args", [])]


def source_path(folder: str) -> str:
    """A folder of the checkout in the containers."""
    return posixpath.normpath(posixpath.join(SOURCE, folder))


def _replicas(spec: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The specification once per replica. All answer to the DNS name of the service, where callers share the load.

    The first one keeps the component's name and the port on the host: scaling makes or removes only the others.
    """
    others = [{**spec, "name": f"{spec['name']}-{number}", "published_ports": []} for number in range(2, count + 1)]
    return [dict(spec), *others]


def environment(name: str, catalogue: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """The variables of a service with every placeholder filled in. What it sets itself outranks what all get."""
    common = {"OTEL_SERVICE_NAME": name, **settings.telemetry} if settings.telemetry else {}
    return {**common, **_filled(name, catalogue, settings, catalogue[name].get("env", {}))}


def access(names: Iterable[str], catalogue: Mapping[str, Any], settings: Settings) -> dict[str, dict[str, str]]:
    """How to reach each of the services `names` from this machine, as the report takes it: {"url", "user", "password"}.

    A service's first published port counts; `user` and `password` are what it declares under `access`.
    """
    found = {}
    for name in names:
        entry = catalogue[name]
        scheme = "http://" if "http" in entry.get("health", {}) else ""
        logins = _filled(name, catalogue, settings, entry.get("access", {}))
        found[name] = {"url": scheme + "{host}:{port}", **logins}
    return found


def _filled(name: str, catalogue: Mapping[str, Any], settings: Settings, texts: Mapping[str, Any]) -> dict[str, str]:
    """`texts` with the placeholders of the service `name` filled in. Raises ServiceError."""
    entry = catalogue[name]
    values = {
        "log_level": settings.log_level,
        **_values("self", _address(name, entry) | {"name": name} | _database(name, entry, settings)),
    }
    for other, declared in catalogue.items():
        if declared["kind"] == "service":
            values |= _values(other, _address(other, declared))
    for store, known in settings.stores.items():
        values |= _values(store, known)
    if "postgres" in settings.stores:
        values |= _values("postgres", _login(name, entry, settings))

    def value_of(placeholder: str) -> str:
        if placeholder.startswith("secret."):
            return settings.secret(placeholder.removeprefix("secret."))
        if placeholder not in values:
            raise ServiceError(f"services.{name}: {{{placeholder}}} has no value.")
        return str(values[placeholder])

    return {key: placeholders.fill(str(text), value_of) for key, text in texts.items()}


def _values(owner: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{owner}.{key}": value for key, value in values.items()}


def _address(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    address: dict[str, Any] = {"host": name}
    if ports := entry.get("ports"):
        address["port"] = main_port(ports)
    if "grpc" in entry:
        address["grpc"] = entry["grpc"]
    return address


def main_port(ports: list[Mapping[str, Any]]) -> int:
    """The container's port that stands for a service: the one named http, else the first."""
    named = [port for port in ports if port["name"] == "http"]
    return (named or ports)[0]["container"]


def _database(name: str, entry: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    if not (entry.get("schema") or entry.get("database")):
        return {}
    own = account(name, entry, settings.stores.get("postgres", {}).get("database", ""))
    return {key: own[key] for key in ("database", "schema") if key in own}


def _login(name: str, entry: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """What a service is in PostgreSQL; the administrator's account is nobody's to have."""
    if not (entry.get("schema") or entry.get("database")):
        return {}
    own = account(name, entry, settings.stores["postgres"].get("database", ""))
    return {"user": own["role"], "password": settings.secret(own["secret"]), **_database(name, entry, settings)}


def health(entry: Mapping[str, Any], supervised: bool) -> dict[str, Any]:
    """The health check: the runner asks the service the way it wants to be asked."""
    declared = entry.get("health", {"none": True})
    times = {**HEALTH_TIMES, **{key: declared[key] for key in ("start_period",) if key in declared}}
    address = health_address(declared, entry.get("ports", []), supervised)
    return {"test": ["CMD", RUNNER, "health", address], **times}


def health_address(declared: Mapping[str, Any], ports: list[Mapping[str, Any]], supervised: bool) -> str:
    """The address for the command `runner health`. A program without supervisor runs while its container does."""
    if "http" in declared:
        return f"http://127.0.0.1:{declared.get('port') or main_port(ports)}{declared['http']}"
    if "grpc" in declared:
        return f"grpc://127.0.0.1:{declared['grpc']}" + (f"/{declared['service']}" if "service" in declared else "")
    if "tcp" in declared:
        return f"tcp://127.0.0.1:{declared['tcp']}"
    return "process:" if supervised else "container:"


def builder_config(catalogue: Mapping[str, Any], names: Iterable[str], polling: str) -> str:
    """The builder's configuration file for the services `names`; `polling` is auto, true or false."""
    keys = ("module", "main", "tags")
    services = [{"name": name, **{key: catalogue[name]["go"][key] for key in keys}} for name in sorted(names)]
    document = {"source": SOURCE, "artifacts": BUILDER_SHELF, "polling": polling, "services": services}
    return json.dumps(document, indent=2) + "\n"


def builder(
    base: Mapping[str, Any],
    config: str,
    settings: Settings,
    reload_source: str,
    ca_bundle: str,
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """The container that builds all services.

    :param base: its base specification. :param reload_source: the folder files/reload on the host.
    :param ca_bundle: the file with the host's certificates; empty when it has none.
    :param environ: the user's environment.
    """
    env = {
        "HOME": "/tmp",  # noqa: S108 - in the container
        "GOPATH": "/go",
        "GOCACHE": "/go/cache",
        "CGO_ENABLED": "0",
        # A checkout may ask for a newer Go than the image's.
        "GOTOOLCHAIN": "auto",
        **{name: environ[name] for name in DOWNLOAD_VARIABLES if environ.get(name)},
    }
    mounts = [
        *base.get("mounts", []),
        {"type": "bind", "source": settings.platform, "target": SOURCE, "read_only": True},
        {"type": "bind", "source": reload_source, "target": RELOAD_SOURCE, "read_only": True},
        *_scratch(settings.user),
    ]
    files = [
        {"content": config, "target": "/etc/cloudlab/builder.json"},
        {"src": "builder.sh.j2", "target": "/etc/cloudlab/builder.sh"},
    ]
    if ca_bundle:
        env["SSL_CERT_FILE"] = CA_BUNDLE
        # A copy: a virtual machine with the engine shares the user's own folders, and none of the system's.
        files.append({"copy": ca_bundle, "target": CA_BUNDLE})
    return {
        **base,
        "user": settings.user,
        "entrypoint": ["/bin/sh", "/etc/cloudlab/builder.sh"],
        "command": [],
        "working_dir": RELOAD_SOURCE,
        "env": env,
        "mounts": mounts,
        "labels": {**base.get("labels", {}), LABEL_RELOAD: settings.reload},
        "files": files,
        "stop_timeout": 10,
        "healthcheck": {
            "test": ["CMD", f"{BUILDER_SHELF}/builder", "health"],
            "interval": "30s",
            "timeout": "5s",
            "retries": 3,
            # It compiles itself first, from nothing on a new machine.
            "start_period": "300s",
            "start_interval": "500ms",
            "fallback_interval": "5s",
        },
    }
