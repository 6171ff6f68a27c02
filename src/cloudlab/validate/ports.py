"""Published ports: each accepts connections, on the loopback address only.

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
# The engine accepts connections for every container, and closes them at once if no process listens in it.
CLOSE_SECONDS = 0.5


@dataclass(frozen=True)
class Port:
    """One declared port: ``host`` on this machine, ``inside`` in the container."""

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
    """The check of one port; none if its container is not healthy, which the containers' check reports."""
    subject = f"{PUBLISH_ADDRESS}:{port.host}, {port.component} {port.name}"
    if container is None or not container["State"]["Running"]:
        if hostports.is_free(port.host):
            return []
        cure = f"stop it, then {converge(port.component)}; or set another port in .env"
        return [Check(AREA, subject, FAILED, f"already in use by {hostports.holder(port.host)}", cure)]
    if fault := _binding(port, container):
        return [Check(AREA, subject, FAILED, fault, converge(port.component))]
    if not is_healthy(container):
        return []
    return [verdict(AREA, subject, closed(port.host), converge(port.component), "accepts connections")]


def _binding(port: Port, container: Mapping[str, Any]) -> str:
    """What is wrong with the binding of a port; empty if nothing is."""
    sides = (container["NetworkSettings"]["Ports"] or {}).get(f"{port.inside}/tcp") or []
    bound = {f"{side['HostIp']}:{side['HostPort']}" for side in sides}
    declared = f"{PUBLISH_ADDRESS}:{port.host}"
    if declared not in bound:
        return f"published on {', '.join(sorted(bound))} instead" if bound else "not published"
    return f"also published on {', '.join(sorted(bound - {declared}))}" if bound - {declared} else ""


def closed(port: int) -> str:
    """Why a port of this machine does not respond; empty if it does."""
    try:
        with socket.create_connection((PUBLISH_ADDRESS, port), CONNECT_SECONDS) as connection:
            connection.settimeout(CLOSE_SECONDS)
            try:
                return "" if connection.recv(1) else "closes connections: no process listens in the container"
            except TimeoutError:
                return ""  # the server waits for a request
    except OSError as error:
        return f"refuses connections: {error.strerror or error}"
