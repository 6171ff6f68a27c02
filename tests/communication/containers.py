"""The instance's containers: their states and logs, and operations that cause failures."""

from __future__ import annotations

from cloudlab import engine
from cloudlab.lifecycle import report
from cloudlab.model import environment
from communication.waiting import until

# Elasticsearch and Kafka on a busy machine.
START_SECONDS = 180


class Containers:
    """The containers of the instance `name`. A component has one, or one per replica. Raises engine.EngineError."""

    def __init__(self, name: str):
        self._name = name
        # Stopping PostgreSQL can take as long as its stop timeout.
        self._client = engine.connect(timeout=120).client

    def states(self) -> dict[str, str]:
        """Component -> "healthy", "exited", …; with replicas in different states, all of them."""
        found: dict[str, set[str]] = {}
        for container in self._listed():
            component = container["Labels"][environment.LABEL_COMPONENT]
            found.setdefault(component, set()).add(report.state(container))
        return {component: " and ".join(sorted(states)) for component, states in found.items()}

    def log(self, component: str, since: float) -> bytes:
        """The logs of the component's containers since a time in seconds since the epoch."""
        return b"".join(self._client.logs(each, since=int(since)) for each in self._of(component))

    def kill(self, component: str) -> None:
        """Kill the component's containers. They stay down until `start`."""
        for each in self._of(component):
            self._client.kill(each)

    def stop(self, component: str, seconds: int = 30) -> None:
        """Stop the component, and kill it after that time."""
        for each in self._of(component):
            self._client.stop(each, timeout=seconds)

    def start(self, component: str) -> None:
        """Start the component."""
        for each in self._of(component):
            self._client.start(each)

    def restart(self, component: str, seconds: int = 30) -> None:
        """Stop and start the component."""
        for each in self._of(component):
            self._client.restart(each, timeout=seconds)

    def wait_until_healthy(self, component: str) -> None:
        """Wait until the component passes its health check."""
        until(lambda: self.states().get(component) == "healthy", f"{component} is healthy", START_SECONDS, pause=0.2)

    def _of(self, component: str) -> list[str]:
        return [
            container["Id"]
            for container in self._listed()
            if container["Labels"][environment.LABEL_COMPONENT] == component
        ]

    def _listed(self) -> list[dict]:
        return self._client.containers(all=True, filters={"label": f"{environment.LABEL_INSTANCE}={self._name}"})
