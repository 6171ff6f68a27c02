"""Containers of a platform's services. Pure functions over plain data.

In hot reload, one builder compiles all services into a volume, and each service's container runs a runner that starts
the program it finds there, and every newer one. Without hot reload, each service runs from an image of its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from cloudlab.model import placeholders
from cloudlab.model.catalogue import main_port
from cloudlab.services import variables
from cloudlab.services.base import BUILDER, LABEL_RELOAD, SOURCE, Settings, scratch_mounts, source_path

ARTIFACTS = "/cloudlab/bin"
RUNNER = f"{ARTIFACTS}/runner"

HEALTH_TIMES = {
    "interval": "10s",
    "timeout": "5s",
    "retries": 3,
    "start_period": "60s",
    "start_interval": "1s",
}


def specs(
    names: Iterable[str], components: Mapping[str, Any], catalogue: Mapping[str, Any], settings: Settings
) -> list[dict[str, Any]]:
    """The containers of the services `names`, replicas included, as the action `containers` takes them.

    :param components: the fact's `components`, whose base specifications are completed.

    A service that needs an image and has none is left out; its running container is not changed. Raises ServiceError
    for a placeholder without a value.
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
        # Services retry their connections, so starting them in dependency order would gain nothing.
        "needs": [],
        "user": settings.user,
        "env": variables.environment(name, catalogue, settings),
        "secret_env": [name for name, text in entry.get("env", {}).items() if placeholders.is_secret(str(text))],
        "healthcheck": health(entry, settings.hot_reload),
        "stop_timeout": 15,
    }


def _reloaded(name: str, component: Mapping[str, Any], entry: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """A container in which the runner starts the program that the builder compiled."""
    base = component["spec"]
    return {
        "entrypoint": [RUNNER],
        "command": ["run", f"{ARTIFACTS}/services/{name}", *_arguments(entry)],
        "working_dir": source_path(entry["go"]["working_dir"]),
        "labels": {**base.get("labels", {}), LABEL_RELOAD: settings.reload},
        "mounts": [
            *base.get("mounts", []),
            {"type": "volume", "source": artifact_volume(base, name), "target": ARTIFACTS, "read_only": True},
            {"type": "bind", "source": settings.platform, "target": SOURCE, "read_only": True},
            *scratch_mounts(settings.user),
        ],
    }


def _own(name: str, component: Mapping[str, Any], entry: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """A container of an image that holds the program; see roles/go_service/files/program.Dockerfile."""
    return {
        "image": settings.images[name],
        "entrypoint": ["/cloudlab/service"],
        "command": _arguments(entry),
        "working_dir": source_path(entry["go"]["working_dir"]),
        "mounts": [*component["spec"].get("mounts", []), *scratch_mounts(settings.user)],
    }


def artifact_volume(base: Mapping[str, Any], name: str) -> str:
    """The builder's output volume, derived from a service's base specification."""
    return f"{base['name'].removesuffix(name)}{BUILDER}-bin"


def _arguments(entry: Mapping[str, Any]) -> list[str]:
    return [str(argument) for argument in entry["go"].get("args", [])]


def _replicas(spec: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The specification once per replica. All have the DNS name of the service, which distributes the load.

    The first one keeps the component's name and the port on the host: scaling creates or removes only the others.
    """
    others = [{**spec, "name": f"{spec['name']}-{number}", "published_ports": []} for number in range(2, count + 1)]
    return [dict(spec), *others]


def health(entry: Mapping[str, Any], supervised: bool) -> dict[str, Any]:
    """The health check: the runner asks the service in the declared way."""
    declared = entry.get("health", {"none": True})
    times = {**HEALTH_TIMES, **{key: declared[key] for key in ("start_period",) if key in declared}}
    address = health_address(declared, entry.get("ports", []), supervised)
    return {"test": ["CMD", RUNNER, "health", address], **times}


def health_address(declared: Mapping[str, Any], ports: list[Mapping[str, Any]], supervised: bool) -> str:
    """The address for the command `runner health`. A program without a supervisor runs while its container runs."""
    if "http" in declared:
        return f"http://127.0.0.1:{declared.get('port') or main_port(ports)}{declared['http']}"
    if "grpc" in declared:
        return f"grpc://127.0.0.1:{declared['grpc']}" + (f"/{declared['service']}" if "service" in declared else "")
    if "tcp" in declared:
        return f"tcp://127.0.0.1:{declared['tcp']}"
    return "process:" if supervised else "container:"
