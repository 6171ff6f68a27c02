"""All checks of a running environment, except for the contents of its stores. Checks that wait run concurrently."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from docker import APIClient

from cloudlab.engine.listing import is_running, of_instance, or_none
from cloudlab.gateway import model
from cloudlab.lifecycle import report
from cloudlab.model.checks import Check
from cloudlab.model.environment import name_of
from cloudlab.validate import containers, gateway, logs, networks, pages, ports

WORKERS = 16

Containers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Request:
    """The declarations to check.

    environment: the variable `cloudlab`, with images. plans: see cloudlab.validate.containers. configuration: the
    result of `gateway_config` in check mode; None if there is no gateway. access: see report.rows. expected: log lines
    of level error that are not a failure. since: the time before which log lines are ignored, in epoch seconds.
    """

    environment: Mapping[str, Any]
    plans: Mapping[str, Mapping[str, Any]]
    configuration: Mapping[str, Any] | None
    routes: Sequence[model.Route] = ()
    access: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    expected: Iterable[logs.Expected] = ()
    since: float = 0


def run(client: APIClient, request: Request) -> list[Check]:
    """All checks, grouped by area."""
    environment = request.environment
    listed = of_instance(client, environment["instance"])
    found = _inspected(client, listed, environment["chosen"])
    made = containers.checks(environment, found, request.plans, datetime.now(UTC))
    if request.configuration is not None and gateway.COMPONENT in map(containers.component_of, found.values()):
        made.append(gateway.configuration(request.configuration))
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs: list[Future[Iterable[Check]]] = [
            pool.submit(ask, *arguments) for ask, arguments in _questions(client, request, listed, found)
        ]
    return made + [check for job in jobs for check in job.result()]


def _questions(
    client: APIClient, request: Request, listed: Iterable[Mapping[str, Any]], found: Containers
) -> Iterable[tuple[Callable[..., Iterable[Check]], tuple[Any, ...]]]:
    """The checks that wait for a response: functions that return checks, with their arguments."""
    environment = request.environment
    alive = {containers.component_of(item) for item in found.values() if is_running(item)}
    healthy = {containers.component_of(item) for item in found.values() if containers.is_healthy(item)}
    yield _members, (client, environment, listed)
    for trials in networks.trials(environment, found):
        yield _reach, (client, trials, healthy)
    for port in ports.declared(environment):
        yield ports.checks, (port, found.get(environment["components"][port.component]["container"]))
    for question in gateway.questions(request.routes):
        service = question.route.service
        if {gateway.COMPONENT, service} <= set(environment["chosen"]) and gateway.COMPONENT in alive:
            yield _route, (environment, question, service in healthy)
    for row in pages.rows(report.rows(environment, request.access, listed, used={}), healthy):
        yield pages.checks, (row,)
    for container in found.values():
        yield _log, (client, container, request)


def _inspected(client: APIClient, listed: Iterable[Mapping[str, Any]], chosen: Iterable[str]) -> dict[str, Any]:
    """Name -> inspection of each container of the chosen components. One that is removed meanwhile is left out."""
    with ThreadPoolExecutor(WORKERS) as pool:
        inspected = list(pool.map(lambda item: or_none(client.inspect_container, item["Id"]), listed))
    components = set(chosen)
    return {
        item["Name"].lstrip("/"): item for item in inspected if item and containers.component_of(item) in components
    }


def _members(client: APIClient, environment: Mapping[str, Any], listed: Iterable[Mapping[str, Any]]) -> list[Check]:
    names = {network["name"] for network in environment["networks"].values()}
    inspected = [client.inspect_network(item["Id"]) for item in client.networks() if item["Name"] in names]
    present = {item["Name"]: [member["Name"] for member in item["Containers"].values()] for item in inspected}
    ours = [name_of(item) for item in listed]
    return networks.members(environment, present, ours)


def _reach(client: APIClient, trials: list[networks.Trial], healthy: set[str]) -> list[Check]:
    """The result of the first container of a set of networks in which the test can run."""
    for trial in trials:
        if answer := networks.ask(client, trial):
            break
    return networks.judge(trial, answer, healthy)


def _route(environment: Mapping[str, Any], question: gateway.Question, alive: bool) -> list[Check]:
    if not question.method:
        return [gateway.unasked(question)]
    port = environment["components"][gateway.COMPONENT]["ports"]["http"]["host"]
    return [gateway.judge(question, gateway.ask(port, question), alive)]


def _log(client: APIClient, container: Mapping[str, Any], request: Request) -> list[Check]:
    lines = logs.read(client, container, request.since)
    return [logs.check(container, request.environment["instance"], lines, request.expected)]
