"""Published ports: each answers on this machine, and on this machine alone.

Shapes: ``containers`` maps a container's name to the engine's inspection of it.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudlab.engine import ports as hostports
from cloudlab.model.checks import FAILED, Check, converge, verdict
from cloudlab.model.environment import PUBLISH_ADDRESS
from cloudlab.validate.containers import is_healthy

AREA = "ports"
CONNECT_SECONDS = 2
# The engine takes a connection for any container; where nobody listens inside, it closes it at once.
CLOSE_SECONDS = 0.5


@dataclass(frozen=True)
class Port:
    """One declared port: on this machine ``host``, in the container ``inside``."""

    component: str
    name: str
    host: int
    inside: int


def declared(environment: Mapping[str, Any]) -> list[Port]:
    """The ports of the chosen components."""
    return [
        Port(component, name, numbers["host"], numbers["container"])
        for component in environment["chosen"]
        for name, numbers in environment["components"][component]["ports"].items()
    ]


def checks(port: Port, container: Mapping[str, Any] | None) -> list[Check]:
    """The check of one port; none where only its container is to blame, which is told elsewhere."""
    subject = f"{PUBLISH_ADDRESS}:{port.host}, {port.component} {port.name}"
    if container is None or not container["State"]["Running"]:
        if hostports.is_free(port.host):
            return []
        cure = f"stop it, then {converge(port.component)}; or choose another port in .env"
        return [Check(AREA, subject, FAILED, f"taken by {hostports.holder(port.host)}", cure)]
    if fault := _binding(port, container):
        return [Check(AREA, subject, FAILED, fault, converge(port.component))]
    if not is_healthy(container):
        return []
    return [verdict(AREA, subject, closed(port.host), converge(port.component), "answers, on this machine only")]


def _binding(port: Port, container: Mapping[str, Any]) -> str:
    """What is wrong with the way the engine publishes a port."""
    sides = (container["NetworkSettings"]["Ports"] or {}).get(f"{port.inside}/tcp") or []
    bound = {f"{side['HostIp']}:{side['HostPort']}" for side in sides}
    wanted = f"{PUBLISH_ADDRESS}:{port.host}"
    if wanted not in bound:
        return f"published on {', '.join(sorted(bound))} instead" if bound else "not published"
    return f"published on {', '.join(sorted(bound - {wanted}))} too" if bound - {wanted} else ""


def closed(port: int) -> str:
    """Why nobody listens behind a port of this machine; empty when somebody does."""
    try:
        with socket.create_connection((PUBLISH_ADDRESS, port), CONNECT_SECONDS) as connection:
            connection.settimeout(CLOSE_SECONDS)
            try:
                return (
                    "" if connection.recv(1) else "takes connections and closes them: nobody listens in the container"
                )
            except TimeoutError:
                return ""  # it waits for us to speak first
    except OSError as error:
        return f"takes no connection: {error.strerror or error}"
