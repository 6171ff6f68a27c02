"""Brings a list of containers to a state: reads, plans, applies, waits, reports."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from docker.errors import DockerException

from cloudlab.containers import apply, declaration, difference, discovery, files, plan, schedule, spec, view
from cloudlab.containers.options import DEFAULTS
from cloudlab.containers.plan import Plan, Step
from cloudlab.containers.spec import Spec, SpecError
from cloudlab.engine import Engine, EngineError, causes
from cloudlab.engine.waiting import Watcher

WORKERS = 4  # starting more containers at once takes longer for all of them


@dataclass(frozen=True)
class Request:
    """The arguments of a task. specs: as declared. timeout: seconds for each container, from its start.

    advise: how to fix a known fault, from the last log lines of a failed container.
    """

    instance: str
    directory: Path
    specs: Any
    state: str = "started"
    timeout: float = 120
    workers: int = WORKERS
    check: bool = False
    diff: bool = False
    orphans: bool = False
    secrets: Iterable[str] = ()
    advise: Callable[[list[str]], str | None] = lambda _: None


@dataclass(frozen=True)
class FailureReport:
    """A container that failed, and why. No text contains a secret."""

    container: str
    component: str
    cause: str
    log: list[str] = field(default_factory=list)
    advice: str | None = None

    def lines(self) -> list[str]:
        """The lines of the message about it."""
        lines = [f"{self.container}: {self.cause}"]
        if self.advice:
            lines.append(f"  {self.advice}")
        if self.log:
            lines.append(f"  its last log lines (`docker logs {self.container}` has more):")
        return lines + [f"    | {line}" for line in self.log]


@dataclass
class Report:
    """What was done: the task's result, and an error message when it failed."""

    actions: list[dict[str, Any]] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)
    failures: list[FailureReport] = field(default_factory=list)
    message: str = ""

    @property
    def changed(self) -> bool:
        """Whether something was, or in check mode would be, changed."""
        return bool(self.actions)

    @property
    def failed_components(self) -> dict[str, str]:
        """Component -> why its containers failed."""
        found: dict[str, list[str]] = {}
        for failure in self.failures:
            found.setdefault(failure.component, []).extend(failure.lines())
        return {component: "\n".join(lines) for component, lines in found.items()}


def converge(engine: Engine, request: Request, render: files.Render) -> Report:
    """Bring all containers to the requested state.

    Raises SpecError before anything is changed when the input is wrong or a name is taken by a container that Cloudlab
    does not manage, and EngineError when the engine stops answering. The report has the failures of single containers.
    """
    try:
        return _converge(engine, request, render)
    except (DockerException, requests.exceptions.RequestException) as error:
        raise EngineError(
            f"The Docker Engine at {engine.address} failed during the run: {causes.explain(error)}. "
            "Run it again to complete what was begun."
        ) from error


def converge_optional(engine: Engine, request: Request, render: files.Render) -> Report:
    """As `converge`, for containers that nothing needs: a wrong specification is the failure of its container alone.

    Raises EngineError.
    """
    try:
        return converge(engine, request, render)
    except SpecError as error:
        if len(request.specs) == 1:
            return Report(failures=[_refused(request, error)], message=str(error))
    # Nothing was changed yet: one wrong specification refuses the whole list.
    each = [converge_optional(engine, dataclasses.replace(request, specs=[one]), render) for one in request.specs]
    return Report(
        actions=[entry for report in each for entry in report.actions],
        diff=[entry for report in each for entry in report.diff],
        failures=[failure for report in each for failure in report.failures],
        message="\n".join(report.message for report in each),
    )


def _refused(request: Request, error: SpecError) -> FailureReport:
    [raw] = request.specs
    name = str(raw.get("name", ""))
    problems = [problem.removeprefix(f"{name}: ") for problem in error.problems]
    return FailureReport(name, str(raw.get("component", name)), "; ".join(problems))


def _converge(engine: Engine, request: Request, render: files.Render) -> Report:
    down = request.state in ("stopped", "absent")
    specs = _specs(engine, request, render, down)
    situations = discovery.situations(engine, specs, down)
    _refuse(specs, situations, request.state, engine)
    plans = _plans(engine, specs, situations, request.state)
    own_secrets = (value for item in specs for value in difference.secrets_of(item))
    redactor = difference.Redactor(itertools.chain(request.secrets, own_secrets))
    results = schedule.Results() if request.check else _apply(engine, plans, request, down)
    report = Report()
    report.actions = [entry for item in plans.values() for entry in _entries(item, results, redactor)]
    if request.diff:
        report.diff = [entry for item in plans.values() for entry in _diff(item, redactor)]
    report.failures = _failures(engine, plans, results, redactor, request.advise)
    report.message = _message(plans, report, results, request)
    return report


def _specs(engine: Engine, request: Request, render: files.Render, down: bool) -> list[Spec]:
    if not down:
        parsed = declaration.parse(request.specs, request.instance)
        return files.prepare(parsed, request.directory, render, planning=request.check)
    parsed = declaration.parse(request.specs, request.instance, required=("name",))
    if request.orphans:
        names = discovery.orphans(engine, parsed, request.instance)
        # A container that is not declared any more may need any that is, and nothing needs it: it goes first.
        described = sorted({item.component for item in parsed})
        parsed += [
            Spec(name, f"orphan.{name}", request.instance, image="", options=DEFAULTS, needs=tuple(described))
            for name in names
        ]
    return parsed


def _refuse(specs: Sequence[Spec], situations: Mapping[str, plan.Situation], state: str, engine: Engine) -> None:
    """Raise SpecError for mistakes that only show with the image, before anything is changed."""
    refused = [line for item in specs for line in plan.refusals(item, situations[item.name], state, engine.api)]
    if refused:
        raise SpecError(refused)


def _plans(
    engine: Engine, specs: Sequence[Spec], situations: Mapping[str, plan.Situation], state: str
) -> dict[str, Plan]:
    """All plans. The engine is only asked which limits it can enforce when some limit differs."""
    plans = {item.name: plan.plan(item, situations[item.name], state, engine.api) for item in specs}
    if not any(item.limit_drift for item in plans.values()):
        return plans
    unenforced = view.unenforceable(engine.client.info())
    return {item.name: plan.plan(item, situations[item.name], state, engine.api, unenforced) for item in specs}


def _apply(engine: Engine, plans: Mapping[str, Plan], request: Request, down: bool) -> schedule.Results:
    watcher = Watcher(engine.client) if request.state == "healthy" else None
    if watcher is None and not any(item.changes for item in plans.values()):
        return schedule.Results()
    return schedule.run(
        _order(plans, reverse=down),
        lambda name: apply.apply(engine, plans[name]),
        request.workers,
        watcher,
        request.timeout,
    )


def _order(plans: Mapping[str, Plan], reverse: bool) -> dict[str, set[str]]:
    """Container -> the containers that come first: its dependencies, or its dependents with `reverse`."""
    of_component: dict[str, set[str]] = {}
    for name, item in plans.items():
        of_component.setdefault(item.spec.component, set()).add(name)
    forward = {
        name: {other for need in item.spec.needs for other in of_component.get(need, ())}
        for name, item in plans.items()
    }
    if not reverse:
        return forward
    return {name: {other for other, needed in forward.items() if name in needed} for name in plans}


def _entries(item: Plan, results: schedule.Results, redactor: difference.Redactor) -> list[dict[str, Any]]:
    """The actions of one container, as they were actually applied."""
    outcome = results.outcomes.get(item.spec.name)
    replaced = outcome.replaced if outcome else {}
    entries = []
    for step in item.changes:
        if step.action in replaced:
            reasons = [*step.reasons, replaced[step.action]]
            entries.append(_entry(item, Step("recreate", tuple(reasons)), redactor))
            break  # a new container makes the remaining steps unnecessary
        entries.append(_entry(item, step, redactor))
    return entries


def _entry(item: Plan, step: Step, redactor: difference.Redactor) -> dict[str, Any]:
    return {
        "container": item.spec.name,
        "action": step.action,
        "reasons": [redactor.text(reason) for reason in step.reasons],
    }


def _diff(item: Plan, redactor: difference.Redactor) -> list[dict[str, str]]:
    """What Ansible prints for one container and for each of its files."""
    if not item.changes:
        return []
    entries = [
        {
            "before_header": f"container {item.spec.name}",
            "after_header": f"container {item.spec.name}",
            "before": difference.as_text(item.before, item.spec, redactor),
            "after": difference.as_text(item.after, item.spec, redactor),
        }
    ]
    for file in item.altered:
        # Where the new text has a known secret, the old one may have an earlier secret that is not known any more.
        secret = file.secret or redactor.knows(file.octets.decode(errors="replace"))
        entries.append(
            {
                "before_header": file.path,
                "after_header": f"{file.path} ({item.spec.name}:{file.target})",
                "before": _shown(file, files.current(file), secret, redactor),
                "after": _shown(file, file.octets, secret, redactor),
            }
        )
    return entries


def _shown(file: spec.File, octets: bytes | None, secret: bool, redactor: difference.Redactor) -> str:
    """What a diff shows of a file; nothing where there is none."""
    if octets is None:
        return ""
    if secret:
        return "(its content is secret)\n"
    return f"(a copy of {file.copy})\n" if file.copy else redactor.file(octets.decode(errors="replace"))


def _failures(
    engine: Engine,
    plans: Mapping[str, Plan],
    results: schedule.Results,
    redactor: difference.Redactor,
    advise: Callable[[list[str]], str | None],
) -> list[FailureReport]:
    """Each failure with its cause, the container's last log lines, and advice if these show a known fault."""
    reports = []
    for name in (name for name in plans if name in results.failures):
        failure = results.failures[name]
        lines = causes.last_lines(engine.client, failure.container_id) if failure.container_id else []
        shown = [redactor.text(line) for line in lines]
        component, cause = plans[name].spec.component, redactor.text(str(failure))
        reports.append(FailureReport(name, component, cause, shown, advise(lines)))
    return reports


def _message(plans: Mapping[str, Plan], report: Report, results: schedule.Results, request: Request) -> str:
    """One message for all failures, or a summary of the actions."""
    if not report.failures:
        done = Counter(entry["action"] for entry in report.actions)
        summary = ", ".join(f"{action} {count}" for action, count in done.items()) or "up to date"
        return f"{len(plans)} containers, {request.state}: {summary}"
    lines = [f"{len(report.failures)} of {len(plans)} containers failed:"]
    for failure in report.failures:
        first, *more = failure.lines()
        lines += [f"* {first}", *more]
    lines += [
        f"* {name}: started without waiting for its health: it needs {need}, which failed"
        for name, need in results.unwatched.items()
    ]
    return "\n".join(lines)
