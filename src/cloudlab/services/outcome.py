"""What became of services that were started: whether each was built and is healthy, or in whose words it is not.

`decide` is pure: it looks at what builder and engine say at one moment. `Waiting` asks them until all is decided.
"""

from __future__ import annotations

import io
import json
import signal
import tarfile
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from docker.errors import APIError, NotFound

from cloudlab.engine import Engine
from cloudlab.model import environment, sizes

STATUS_FILE = "/go/bin/status.json"
ROUND_SECONDS = 0.3
INSPECTORS = 4
LOG_LINES = 20
# After so many ends by itself a program does not come up by waiting longer.
CRASHES = 3
WAITING, BUILT, FAILED = "waiting", "built", "failed"
NOT_BUILT = "cannot be built"
# The builder says the same of a build that memory does not suffice for.
OUT_OF_MEMORY = (
    "the builder ran out of memory (limit {limit}). "
    "Set BUILDER_MEMORY in .env to more, then run ansible-playbook playbooks/dev.yml."
)
# How the runner's health check begins to speak of a program that ended by itself.
_CRASHED = "crashed "


class BuilderError(Exception):
    """The builder does not do its work; the message says why."""


@dataclass(frozen=True)
class Service:
    """A service that is waited for: the names of its containers."""

    name: str
    containers: tuple[str, ...]


@dataclass
class Verdict:
    """What is decided about a service; `cause` is empty for one that is in order."""

    cause: str = ""
    words: str = ""

    def __bool__(self) -> bool:
        return not self.cause


@dataclass
class Moment:
    """What is known at one moment: build reports by service, inspected containers by name."""

    reports: Mapping[str, Mapping[str, Any]]
    containers: Mapping[str, Mapping[str, Any]]
    built: bool = True  # whether services are built by a builder at all


def decide(service: Service, moment: Moment) -> Verdict | None:
    """The verdict on a service, or None while it is open."""
    since = ""
    if moment.built:
        report = moment.reports.get(service.name, {"state": WAITING})
        if report["state"] == FAILED:
            return Verdict(NOT_BUILT, report.get("error", ""))
        if report["state"] != BUILT:
            return None
        since = report.get("finished", "")
    open_ones = False
    for name in service.containers:
        container = moment.containers.get(name)
        if container is None:
            return Verdict(f"the container {name} does not exist")
        if cause := hopeless(container["State"], container.get("RestartCount", 0)):
            return Verdict(cause)
        open_ones = open_ones or not healthy(container["State"], since)
    return None if open_ones else Verdict()


def healthy(state: Mapping[str, Any], since: str = "") -> bool:
    """Whether a container runs and its health check says so, of the program that was built at the time `since`."""
    health = state.get("Health") or {}
    if not state.get("Running") or health.get("Status") != "healthy":
        return False
    log = health.get("Log") or []
    return not since or bool(log and not log[-1].get("ExitCode") and moment_of(log[-1]["Start"]) > moment_of(since))


def hopeless(state: Mapping[str, Any], restarts: int) -> str:
    """Why a container will not become healthy by waiting; empty when it still may."""
    if state.get("OOMKilled"):
        return "its container was killed because it needed more memory than its limit; raise `resources`"
    if state.get("Status") in ("exited", "dead"):
        return f"its container does not run (exit code {state.get('ExitCode')})"
    if restarts >= CRASHES and not healthy(state):
        return f"its container ended {restarts} times (exit code {state.get('ExitCode')})"
    said = last_words(state)
    if said.startswith(_CRASHED) and int(said.removeprefix(_CRASHED).split()[0]) >= CRASHES:
        return f"it {said}"
    return ""


def last_words(state: Mapping[str, Any]) -> str:
    """What the last health check said that failed; empty when the last one passed, or there was none."""
    log = (state.get("Health") or {}).get("Log") or []
    if not log or not log[-1].get("ExitCode"):
        return ""
    return (log[-1].get("Output") or "").strip().removeprefix("cloudlab:").strip()


@dataclass
class Waiting:
    """Asks builder and engine until every service is decided.

    builder: the builder's container; empty when services are not built by one.
    build_seconds, start_seconds: how long all builds, and then all starts, may take.
    """

    engine: Engine
    builder: str
    services: Iterable[Service]
    build_seconds: float
    start_seconds: float
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)
    _requests: int | None = None
    # The builder as it was when it was first looked at.
    _first: Mapping[str, Any] | None = None

    def run(self) -> dict[str, Verdict]:
        """The verdict on each service. Raises BuilderError."""
        pending = {service.name: service for service in self.services}
        started = time.monotonic()
        while True:
            moment = self._look(pending.values())
            for name, service in list(pending.items()):
                verdict = self._judge(service, moment, started)
                if verdict is not None:
                    self.verdicts[name] = self._with_words(service, verdict)
                    del pending[name]
            if not pending:
                return self.verdicts
            time.sleep(ROUND_SECONDS)

    def _judge(self, service: Service, moment: Moment, started: float) -> Verdict | None:
        """The verdict at this moment; what takes too long is decided by that."""
        verdict = decide(service, moment)
        if verdict is not None:
            return verdict
        now = time.monotonic()
        report = moment.reports.get(service.name, {"state": WAITING})
        if moment.built and report["state"] != BUILT:
            late = now - started > self.build_seconds
            return Verdict(f"is not built after {self.build_seconds:g} s") if late else None
        if self._is_building(moment):
            # It may need another one, which is still compiled, and so is what takes the processors.
            return None
        since = self._since.setdefault(service.name, now)
        if now - since <= self.start_seconds:
            return None
        said = next(
            (words for name in service.containers if (words := last_words(moment.containers[name]["State"]))), ""
        )
        return Verdict(f"is not healthy after {self.start_seconds:g} s" + (f": {said}" if said else ""))

    def _is_building(self, moment: Moment) -> bool:
        """Whether a service that is waited for is still to be built."""
        reports = [moment.reports.get(service.name, {"state": WAITING}) for service in self.services]
        return moment.built and any(report["state"] == WAITING for report in reports)

    def _look(self, services: Iterable[Service]) -> Moment:
        reports = self._reports() if self.builder else {}
        # A service that is not built yet has nothing to be looked at.
        looked_at = [one for one in services if not self.builder or reports.get(one.name, {}).get("state") == BUILT]
        names = [name for service in looked_at for name in service.containers]
        with ThreadPoolExecutor(INSPECTORS) as pool:
            found = zip(names, pool.map(self._inspect, names), strict=True)
            containers = {name: container for name, container in found if container}
        return Moment(reports, containers, bool(self.builder))

    def _inspect(self, name: str) -> Mapping[str, Any] | None:
        try:
            return self.engine.client.inspect_container(name)
        except NotFound:
            return None

    def _reports(self) -> Mapping[str, Mapping[str, Any]]:
        """Build reports by the builder that runs now; empty while it has none."""
        container = self._inspect(self.builder)
        if container and self._ran_out_of_memory(container):
            limit = sizes.show(container["HostConfig"]["Memory"])
            raise BuilderError(OUT_OF_MEMORY.format(limit=limit) + self._tail(self.builder))
        if container is None or not container["State"].get("Running") or container.get("RestartCount", 0) >= CRASHES:
            raise BuilderError(f"the builder {self.builder} does not run.{self._tail(self.builder)}")
        status = self._status()
        if not status or moment_of(status["started"]) < moment_of(container["State"]["StartedAt"]):
            return {}
        if self._requests is None:
            # What failed before may have failed for want of a network: it is tried once more.
            broken = any(report["state"] == FAILED for report in status["services"].values())
            self._requests = status["requests"] + 1 if broken else 0
            if broken:
                self.engine.client.kill(self.builder, signal=signal.SIGHUP.name)
        return status["services"] if status["requests"] >= self._requests else {}

    def _ran_out_of_memory(self, container: Mapping[str, Any]) -> bool:
        """Whether the builder itself ended since it is waited for, because memory ran out.

        A compiler that was killed in a builder that goes on is the builder's own matter.
        """
        self._first = self._first or container
        if container["State"].get("Running") and container["RestartCount"] <= self._first["RestartCount"]:
            return False
        if container["State"].get("OOMKilled"):
            return True
        # Engines forget it with the next start; their events tell.
        chosen = {"container": [container["Id"]], "event": ["oom"]}
        since = int(moment_of(self._first["State"]["StartedAt"]).timestamp())
        return any(True for _ in self.engine.client.events(since=since, until=int(time.time()), filters=chosen))

    def _status(self) -> dict[str, Any] | None:
        """The builder's status file, or None while there is none."""
        try:
            chunks, _ = self.engine.client.get_archive(self.builder, STATUS_FILE)
        except NotFound:
            return None
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            member = archive.next()
            file = archive.extractfile(member) if member else None
            return json.load(file) if file else None

    def _with_words(self, service: Service, verdict: Verdict) -> Verdict:
        if not verdict and not verdict.words and service.containers:
            verdict.words = self._tail(service.containers[0]).strip()
        return verdict

    def _tail(self, container: str) -> str:
        try:
            raw = self.engine.client.logs(container, tail=LOG_LINES, stdout=True, stderr=True)
        except APIError:
            return ""
        lines = raw.decode("utf-8", "replace").rstrip()
        return f"\nIts last lines:\n{lines}" if lines else ""


def moment_of(text: str) -> datetime:
    """A time as engine and builder write it: up to nine digits after the second, and any zone."""
    return datetime.fromisoformat(text)


def failed(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """Service that failed -> cause, and on further lines the output of compiler or process."""
    return {
        name: "\n".join([verdict.cause, *verdict.words.splitlines()])
        for name, verdict in sorted(verdicts.items())
        if not verdict
    }


def services(specs: Iterable[Mapping[str, Any]]) -> list[Service]:
    """The services of some containers' specifications."""
    containers: dict[str, list[str]] = {}
    for spec in specs:
        containers.setdefault(spec["component"], []).append(spec["name"])
    return [Service(name, tuple(found)) for name, found in containers.items()]


def surplus(engine: Engine, instance: str, wanted: Iterable[Service]) -> list[str]:
    """Containers of the services that are replicas too many."""
    named = {service.name: service.containers for service in wanted}
    listed = engine.client.containers(all=True, filters={"label": f"{environment.LABEL_INSTANCE}={instance}"})
    return sorted(
        item["Names"][0].lstrip("/")
        for item in listed
        if (component := (item.get("Labels") or {}).get(environment.LABEL_COMPONENT)) in named
        and item["Names"][0].lstrip("/") not in named[component]
    )
