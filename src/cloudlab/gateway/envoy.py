"""Access to Envoy through the engine: validate a configuration, and query a running Envoy."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
from docker import APIClient
from docker.errors import APIError, DockerException

from cloudlab.engine.listing import is_running, or_none
from cloudlab.gateway import config, listener, routing
from cloudlab.images.contexts import tar
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE

USER = "101:101"
ADMIN = "/usr/local/bin/cloudlab-admin"  # script of the role that queries the admin interface
VALIDATION_SECONDS = 60
_CANDIDATE = "candidate.json"
_VALIDATION_LIMITS: dict[str, Any] = {
    "network_mode": "none",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "mem_limit": "256m",
    "pids_limit": 64,
}

# The live file -> the prefix of its statistics.
_STATS = {
    config.CLUSTERS: "cluster_manager.cds",
    config.LISTENERS: "listener_manager.lds",
    config.ROUTES: f"http.{listener.STAT_PREFIX}.rds.{routing.NAME}",
}
_WARMING = ("cluster_manager.warming_clusters", "listener_manager.total_listeners_warming")
_STATS_FILTER = (
    r"(cds|lds|rds\.\w+)\.(version_text|update_rejected)$|manager\.(total_listeners_warming|warming_clusters)$"
)


class EnvoyError(Exception):
    """Envoy is not reachable, or rejects a configuration. The message includes Envoy's."""


@dataclass(frozen=True)
class State:
    """A running Envoy: file -> loaded version, file -> number of rejected updates, whether it is warming up."""

    versions: dict[str, str]
    rejected: dict[str, int]
    warming: bool


def validate(client: APIClient, image: str, name: str, instance: str, text: str) -> None:
    """Validate a whole configuration with Envoy, in a temporary container.

    name: of the running gateway's container. Raises EnvoyError with Envoy's message.
    """
    temporary = f"{name}-trial"
    labels = {LABEL_INSTANCE: instance, LABEL_COMPONENT: "gateway"}
    try:
        _remove_leftover(client, temporary, instance)
        container = client.create_container(
            image,
            name=temporary,
            entrypoint=["envoy"],
            command=["--mode", "validate", "--concurrency", "1", "--log-level", "warning", "-c", f"/{_CANDIDATE}"],
            user=USER,
            labels=labels,
            host_config=client.create_host_config(**_VALIDATION_LIMITS),
        )["Id"]
        try:
            client.put_archive(container, "/", tar([(_CANDIDATE, text.encode(), 0o444)]))
            client.start(container)
            code = client.wait(container, timeout=VALIDATION_SECONDS)["StatusCode"]
            output = client.logs(container).decode("utf-8", "replace")
        finally:
            client.remove_container(container, force=True, v=True)
    except (DockerException, requests.exceptions.RequestException) as error:
        raise EnvoyError(
            f"The gateway's configuration could not be validated with the image {image}: {error}"
        ) from error
    if code:
        raise EnvoyError(f"Envoy rejects the gateway's configuration; nothing was changed: {_last_message(output)}")


def has_image(client: APIClient, image: str) -> bool:
    """Whether the engine has the image."""
    return or_none(client.inspect_image, image) is not None


def runs(client: APIClient, container: str, image: str) -> bool:
    """Whether the container runs from this image; otherwise it will be recreated."""
    found = or_none(client.inspect_container, container)
    return bool(found) and is_running(found) and found["Config"]["Image"] == image


def query(client: APIClient, container: str) -> State:
    """The state of the Envoy in the container. Raises EnvoyError if it is not available."""
    output = _admin(client, container, f"/stats?filter={quote(_STATS_FILTER, safe='')}")
    stats = dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)
    return State(
        versions={file: stats.get(f"{prefix}.version_text", "").strip('"') for file, prefix in _STATS.items()},
        rejected={file: int(stats.get(f"{prefix}.update_rejected", 0)) for file, prefix in _STATS.items()},
        warming=any(int(stats.get(name, 0)) for name in _WARMING),
    )


def rejection(client: APIClient, container: str, since: float) -> str:
    """The reason in Envoy's log for an update that it rejected after the time `since` (epoch)."""
    output = client.logs(container, since=int(since), stdout=True, stderr=True).decode("utf-8", "replace")
    reasons = [message for message in _messages(output.splitlines()) if "rejected" in message]
    return reasons[-1] if reasons else "(no reason in its log)"


def restart(client: APIClient, container: str) -> None:
    """Restart the container and wait until Envoy responds. Raises EnvoyError."""
    client.restart(container)
    deadline = time.monotonic() + VALIDATION_SECONDS
    while True:
        try:
            query(client, container)
            return
        except EnvoyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _admin(client: APIClient, container: str, path: str) -> str:
    try:
        job = client.exec_create(container, [ADMIN, path])["Id"]
        output = client.exec_start(job).decode("utf-8", "replace")
        code = client.exec_inspect(job)["ExitCode"]
    except (APIError, requests.exceptions.RequestException) as error:
        raise EnvoyError(f"container {container}: the state of Envoy cannot be queried: {error}") from error
    if code:
        raise EnvoyError(f"container {container}: Envoy does not respond on the admin interface: {output.strip()}")
    return output


def _remove_leftover(client: APIClient, name: str, instance: str) -> None:
    """Remove the temporary container of an interrupted run; a container of another owner makes the creation fail."""
    filters = {"name": f"^/{name}$", "label": f"{LABEL_INSTANCE}={instance}"}
    for found in client.containers(all=True, filters=filters):
        client.remove_container(found["Id"], force=True, v=True)


def _last_message(output: str) -> str:
    """Envoy's last message, without the name of the temporary file."""
    messages = list(_messages(output.splitlines()))
    last = messages[-1] if messages else output.strip() or "(nothing)"
    return last.removeprefix(f"error initializing configuration '/{_CANDIDATE}': ")


def _messages(lines: Iterable[str]) -> Iterable[str]:
    """The messages of warnings and errors in Envoy's log; lines that are not JSON are returned unchanged."""
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            if line.strip():
                yield line.strip()
            continue
        if isinstance(entry, dict) and entry.get("level") in ("warning", "error", "critical"):
            yield entry.get("msg", line)
