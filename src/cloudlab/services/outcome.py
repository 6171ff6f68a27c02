"""The outcome of starting services: whether each was built and is healthy, or why it is not.

`decide` is pure: it looks at what builder and engine reported at one moment. `Waiting` asks them until all is decided.
"""

import json
import signal
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cloudlab.engine import Engine, causes, waiting
from cloudlab.engine.listing import file_content, of_instance, or_none
from cloudlab.engine.waiting import Watcher
from cloudlab.model import environment, sizes
from cloudlab.services.builder import ARTIFACTS

STATUS_FILE = f"{ARTIFACTS}/status.json"
INSPECTORS = 4
WAITING, BUILT, FAILED = "waiting", "built", "failed"
NOT_BUILT = "cannot be built"
# The builder says the same of a build that memory does not suffice for.
OUT_OF_MEMORY = (
    "the builder ran out of memory (limit {limit}). "
    "Set BUILDER_MEMORY in .env to more, then run ansible-playbook playbooks/dev.yml."
)
# How the runner's health check reports a program that crashed while its container went on.
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
    """The verdict on a service; `cause` is empty for one that is built and healthy.

    output: of its compiler or of its process.
    """

    cause: str = ""
    output: str = ""

    def __bool__(self) -> bool:
        return not self.cause


@dataclass
class Moment:
    """The reports of builder and engine at one moment.

    reports: service -> build report. containers: container's name -> as inspected. given_up: container's name -> why
    it will not become healthy.
    """

    reports: Mapping[str, Mapping[str, Any]]
    containers: Mapping[str, Mapping[str, Any]]
    given_up: Mapping[str, str] = field(default_factory=dict)
    built: bool = True  # whether services are built by a builder at all

    def report(self, service: Service) -> Mapping[str, Any]:
        """The build report of a service."""
        return self.reports.get(service.name, {"state": WAITING})


def decide(service: Service, moment: Moment) -> Verdict | None:
    """The verdict on a service, or None while it is open."""
    since = ""
    if moment.built:
        report = moment.report(service)
        if report["state"] == FAILED:
            return Verdict(NOT_BUILT, report.get("error", ""))
        if report["state"] != BUILT:
            return None
        since = report.get("finished", "")
    for name in service.containers:
        if name in moment.given_up:
            return Verdict(f"its container {moment.given_up[name]}")
    return Verdict() if all(healthy(moment.containers[name]["State"], since) for name in service.containers) else None


def healthy(state: Mapping[str, Any], since: str = "") -> bool:
    """Whether a container runs and its health check says so, of the program that was built at the time `since`."""
    health = state.get("Health") or {}
    if not state.get("Running") or health.get("Status") != "healthy":
        return False
    log = health.get("Log") or []
    return not since or bool(
        log and not log[-1].get("ExitCode") and datetime.fromisoformat(log[-1]["Start"]) > datetime.fromisoformat(since)
    )


def program_problem(state: Mapping[str, Any]) -> str:
    """Why the program in a running container will not become healthy; empty while it may."""
    if healthy(state):
        return ""
    if state.get("OOMKilled"):
        return "ran out of memory. Raise `resources` in the platform's description"
    log = (state.get("Health") or {}).get("Log") or []
    if not log or not log[-1].get("ExitCode"):
        return ""
    output = (log[-1].get("Output") or "").strip().removeprefix("cloudlab:").strip()
    crashed = output.startswith(_CRASHED) and int(output.removeprefix(_CRASHED).split()[0]) >= waiting.CRASHES
    return f"runs, but its program {output}" if crashed else ""


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
    watcher: Watcher
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)
    _requests: int | None = None
    # The builder when it was inspected first.
    _first: Mapping[str, Any] | None = None

    def run(self) -> dict[str, Verdict]:
        """The verdict on each service. Raises BuilderError."""
        started = self.watcher.clock()
        return self.watcher.until(lambda: self._round(started))

    def _round(self, started: float) -> dict[str, Verdict]:
        pending = [service for service in self.services if service.name not in self.verdicts]
        moment = self._observe(pending)
        for service in pending:
            verdict = self._judge(service, moment, started)
            if verdict is not None:
                self.verdicts[service.name] = self._with_output(service, verdict)
        if missing := [service.name for service in self.services if service.name not in self.verdicts]:
            raise waiting.NotYet(", ".join(missing))
        return self.verdicts

    def _judge(self, service: Service, moment: Moment, started: float) -> Verdict | None:
        """The verdict at this moment; what takes too long is decided by that."""
        verdict = decide(service, moment)
        if verdict is not None:
            return verdict
        now = self.watcher.clock()
        if moment.built and moment.report(service)["state"] != BUILT:
            late = now - started > self.build_seconds
            return Verdict(f"is not built after {self.build_seconds:g} s") if late else None
        if moment.built and any(moment.report(other)["state"] == WAITING for other in self.services):
            # It may need another one, which is still compiled; and compilers take the CPU.
            return None
        since = self._since.setdefault(service.name, now)
        if now - since <= self.start_seconds:
            return None
        states = [moment.containers[name]["State"] for name in service.containers]
        problem = waiting.health_problem(next(state for state in states if not healthy(state) or state is states[-1]))
        return Verdict(f"is not healthy after {self.start_seconds:g} s: {problem}")

    def _observe(self, services: Iterable[Service]) -> Moment:
        reports = self._reports() if self.builder else {}
        # A service that is not built yet has no program that could be healthy.
        built = [one for one in services if not self.builder or reports.get(one.name, {}).get("state") == BUILT]
        names = [name for service in built for name in service.containers]
        with ThreadPoolExecutor(INSPECTORS) as pool:
            found = dict(zip(names, pool.map(self._inspect, names), strict=True))
        return Moment(
            reports,
            {name: one for name, one in found.items() if not isinstance(one, str)},
            {name: one for name, one in found.items() if isinstance(one, str)},
            bool(self.builder),
        )

    def _inspect(self, name: str) -> Mapping[str, Any] | str:
        """The inspected container, or why it will not become healthy."""
        try:
            container = self.watcher.inspect(name)
        except waiting.NotReady as error:
            return str(error)
        return program_problem(container["State"]) or container

    def _reports(self) -> Mapping[str, Mapping[str, Any]]:
        """Build reports by the builder that runs now; empty while it has none."""
        container = self._running_builder()
        status = self._status()
        if not status or datetime.fromisoformat(status["started"]) < datetime.fromisoformat(
            container["State"]["StartedAt"]
        ):
            return {}
        if self._requests is None:
            # What failed before may have failed for want of a network: it is tried once more.
            broken = any(report["state"] == FAILED for report in status["services"].values())
            self._requests = status["requests"] + 1 if broken else 0
            if broken:
                self.engine.client.kill(self.builder, signal=signal.SIGHUP.name)
        return status["services"] if status["requests"] >= self._requests else {}

    def _running_builder(self) -> Mapping[str, Any]:
        """The inspected builder. Raises BuilderError when it cannot build any more."""
        container = or_none(self.engine.client.inspect_container, self.builder)
        if container is None:
            raise BuilderError(f"the builder {self.builder} does not exist")
        if self._ran_out_of_memory(container):
            limit = sizes.show(container["HostConfig"]["Memory"])
            raise BuilderError(self._with_log(OUT_OF_MEMORY.format(limit=limit)))
        if problem := self.watcher.problem(container):
            raise BuilderError(self._with_log(f"the builder {self.builder} {problem}."))
        return container

    def _ran_out_of_memory(self, container: Mapping[str, Any]) -> bool:
        """Whether the builder itself ended since it is waited for, because memory ran out.

        A compiler that was killed in a builder that goes on is handled by the builder.
        """
        self._first = self._first or container
        if container["State"].get("Running") and container["RestartCount"] <= self._first["RestartCount"]:
            return False
        if container["State"].get("OOMKilled"):
            return True
        # Engines forget it with the next start, but keep the event.
        chosen = {"container": [container["Id"]], "event": ["oom"]}
        since = int(datetime.fromisoformat(self._first["State"]["StartedAt"]).timestamp())
        return any(True for _ in self.engine.client.events(since=since, until=int(time.time()), filters=chosen))

    def _status(self) -> dict[str, Any] | None:
        """The builder's status file, or None while there is none."""
        found = or_none(file_content, self.engine.client, self.builder, STATUS_FILE)
        return json.loads(found) if found else None

    def _with_output(self, service: Service, verdict: Verdict) -> Verdict:
        if not verdict and not verdict.output and service.containers:
            verdict.output = _log(causes.last_lines(self.engine.client, service.containers[0]))
        return verdict

    def _with_log(self, text: str) -> str:
        return "\n".join(filter(None, [text, _log(causes.last_lines(self.engine.client, self.builder))]))


def _log(lines: list[str]) -> str:
    return "\n".join(["its last log lines:", *lines]) if lines else ""


def failed(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """Service that failed -> cause, and on further lines the output of compiler or process."""
    return {
        name: "\n".join([verdict.cause, *verdict.output.splitlines()])
        for name, verdict in sorted(verdicts.items())
        if not verdict
    }


def services(specs: Iterable[Mapping[str, Any]]) -> list[Service]:
    """The services of some containers' specifications."""
    containers: dict[str, list[str]] = {}
    for spec in specs:
        containers.setdefault(spec["component"], []).append(spec["name"])
    return [Service(name, tuple(found)) for name, found in containers.items()]


def surplus(engine: Engine, instance: str, declared: Iterable[Service]) -> list[str]:
    """Containers of the services that are more than their declared replicas."""
    named = {service.name: service.containers for service in declared}
    return sorted(
        environment.name_of(item)
        for item in of_instance(engine.client, instance)
        if (component := item["Labels"].get(environment.LABEL_COMPONENT)) in named
        and environment.name_of(item) not in named[component]
    )
