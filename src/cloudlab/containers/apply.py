"""The steps of a plan, applied to one container.

The next run completes an interrupted one: a replacement is created as `<name>.next` beside the old container, so that a
specification that the engine refuses leaves the old one running. Then the old one is stopped and removed, and the new
one is renamed and started. A later run finds leftovers by their labels and removes them.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import requests
from docker.errors import APIError, DockerException, NotFound

from cloudlab.containers import files, payload
from cloudlab.containers.plan import Plan
from cloudlab.containers.spec import SUCCESSOR, File, Spec
from cloudlab.engine import Engine, causes

IN_PLACE = ("update", "connect")  # where the engine refuses them, the container is recreated
STOP_SECONDS = 10  # the engine's default
STOP_MARGIN = 30  # an engine under load reports the end late


class Failure(Exception):
    """A step failed. `container_id`: the container whose log may explain it, or empty."""

    def __init__(self, cause: str, container_id: str = ""):
        super().__init__(cause)
        self.container_id = container_id


@dataclass
class Outcome:
    """The result of a plan. replaced: planned action -> why the container was recreated instead.

    healthy: it was healthy before and was not changed, so there is nothing to wait for.
    """

    container_id: str
    healthy: bool = False
    replaced: dict[str, str] = field(default_factory=dict)


def apply(engine: Engine, plan: Plan) -> Outcome:
    """Apply all steps of a plan in their order. Raises Failure."""
    if plan.missing:
        raise Failure("; ".join(plan.missing))
    if not plan.changes:
        return Outcome(plan.container_id, healthy=plan.healthy)
    worker = _Worker(engine, plan)
    try:
        worker.run()
    except (DockerException, requests.exceptions.RequestException, OSError) as error:
        raise Failure(causes.explain(error, worker.publisher), worker.container_id) from error
    return Outcome(worker.container_id, replaced=worker.replaced)


class _Worker:
    """One plan being applied; `container_id` is the container that exists now."""

    def __init__(self, engine: Engine, plan: Plan):
        self.engine = engine
        self.client = engine.client
        self.plan = plan
        self.spec: Spec = plan.spec
        self.container_id = plan.container_id
        self.replaced: dict[str, str] = {}

    def run(self) -> None:
        """Apply each step; recreate the container when the engine refuses to change it in place."""
        self.remove_leftovers()
        for step in self.plan.steps:
            try:
                getattr(self, step.action)()
            except APIError as error:
                if step.action not in IN_PLACE:
                    raise
                self.replaced[step.action] = f"the engine refused to {step.action} the container: {error.explanation}"
                self.recreate()
                return

    def publisher(self, port: int) -> str | None:
        """The name of the running container that publishes a port of the host."""
        try:
            listed = self.client.containers(filters={"publish": str(port)})
        except (DockerException, requests.exceptions.RequestException):
            return None  # the error that is being explained matters more
        others = [entry for entry in listed if entry["Id"] != self.container_id]
        return others[0]["Names"][0].lstrip("/") if others else None

    def remove_leftovers(self) -> None:
        """Remove what an interrupted run left behind."""
        for container_id, _ in self.plan.leftovers:
            self._remove(container_id)

    def create(self) -> None:
        """Create and start a container."""
        self._write(self.plan.altered)
        self.container_id = self._make(self.spec.name)
        self.start()

    def recreate(self) -> None:
        """Replace the old container by a new one."""
        old = self.container_id
        # A mounted file must exist to create the container; one that exists is not changed while the old one uses it.
        self._write(file for file, why in self.plan.altered.items() if why == files.MISSING)
        new = self._make(self.spec.name + SUCCESSOR)
        self._remove(old)
        self._write(self.plan.altered)
        self.client.rename(new, self.spec.name)
        self.container_id = new
        self.start()

    def start(self) -> None:
        """Start a stopped container."""
        self._write(self.plan.altered)
        self.client.start(self.container_id)

    def restart(self) -> None:
        """Stop and start, which resolves the paths of mounts again."""
        self._stop(self.container_id)
        self.start()

    def unpause(self) -> None:
        """Resume a paused container."""
        self.client.unpause(self.container_id)

    def update(self) -> None:
        """Set limits while the container runs."""
        self.engine.update_container(self.container_id, self.plan.limits)

    def connect(self) -> None:
        """Leave and join networks while the container runs."""
        for name in self.plan.disconnect:
            self.client.disconnect_container_from_network(self.container_id, name, force=True)
        for name in self.plan.connect:
            self._connect(self.container_id, name)

    def stop(self) -> None:
        """Stop it gracefully."""
        self._stop(self.container_id)

    def remove(self) -> None:
        """Stop and remove it; named volumes stay."""
        self._remove(self.container_id)

    def _make(self, name: str) -> str:
        """Create a container in all its networks; return its id."""
        body = payload.create(self.spec, self.engine.api)
        container_id = self.client.create_container_from_config(body, name)["Id"]
        for network in list(self.spec.options["networks"])[1:]:
            self._connect(container_id, network)
        return container_id

    def _connect(self, container_id: str, network: str) -> None:
        aliases = self.spec.options["networks"][network]
        self.client.connect_container_to_network(container_id, network, aliases=aliases)

    def _stop(self, container_id: str) -> None:
        """Stop a container with its own signal and timeout; a paused one would not receive the signal."""
        with suppress(NotFound):
            container = self.client.inspect_container(container_id)
            if container["State"].get("Paused"):
                self.client.unpause(container_id)
            seconds = container["Config"].get("StopTimeout")
            seconds = STOP_SECONDS if seconds is None else seconds
            timeout = seconds + STOP_MARGIN
            self.client.call("/containers/{0}/stop", container_id, params={"t": seconds}, timeout=timeout)

    def _remove(self, container_id: str) -> None:
        """Stop and remove a container with its anonymous volumes; `v` keeps named ones."""
        self._stop(container_id)
        with suppress(NotFound):
            self.client.remove_container(container_id, v=True, force=True)

    def _write(self, altered: Iterable[File]) -> None:
        for file in altered:
            files.write(file)
