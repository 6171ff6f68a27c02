"""Verdicts on services that were started."""

from types import SimpleNamespace

import pytest
from docker.errors import NotFound

from cloudlab.engine.waiting import Watcher
from cloudlab.services import outcome

FINISHED = "2026-11-24T01:00:00.5Z"
ORDER = outcome.Service("order", ("lab-order",))


def container(status="healthy", exit_code=0, output="", start="2026-11-24T01:00:07.123456789Z", **changes):
    log = [{"Start": start, "ExitCode": exit_code, "Output": output}]
    state = {"Running": True, "Status": "running", "Health": {"Status": status, "Log": log}}
    restarts = changes.pop("restarts", 0)
    return {"Id": "1", "Name": "/lab-order", "State": state | changes, "RestartCount": restarts}


def decide(found, state="built", **report):
    reports = {"order": {"state": state, "finished": FINISHED} | report} if state else {}
    return outcome.decide(ORDER, outcome.Moment(reports, {"lab-order": found}))


def test_built_and_healthy():
    assert decide(container()).cause == ""


@pytest.mark.parametrize(
    "found",
    [
        container("starting"),
        container("unhealthy", 1, "cloudlab: dial tcp: connection refused"),
        container("unhealthy", 1, "cloudlab: crashed 2 times, last: exit status 2"),
        # The check ran before the current program was built.
        container(start="2026-11-24T00:59:59Z"),
        container(start="2026-11-24T03:00:07+02:00", exit_code=1),
    ],
)
def test_still_open(found):
    assert decide(found) is None


def test_times_of_other_zones_are_understood():
    assert decide(container(start="2026-11-24T03:00:07+02:00")).cause == ""


@pytest.mark.parametrize("state", ["waiting", None])
def test_not_built_yet(state):
    assert decide(container(), state) is None


def test_a_source_that_cannot_be_built_is_a_failure_although_the_former_program_runs():
    verdict = decide(container(), "failed", error="main.go:1:1: no")
    assert (verdict.cause, verdict.output) == ("cannot be built", "main.go:1:1: no")


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (None, "its container does not exist"),
        (
            container("starting", 1, "cloudlab: crashed 3 times, last: exit status 2\n"),
            "its container runs, but its program crashed 3 times, last: exit status 2",
        ),
        (container("starting", OOMKilled=True), "its container ran out of memory"),
        (container(OOMKilled=True), None),
        (container(Status="exited", ExitCode=3), "its container is not running: it exited with code 3"),
        (container(Status="restarting", restarts=3, ExitCode=1), "its container is in a crash loop: 3 restarts"),
    ],
)
def test_a_container_that_will_not_become_healthy_fails_its_service(found, cause):
    def inspect_container(name):
        if found is None:
            raise NotFound(name)
        return found

    client = SimpleNamespace(inspect_container=inspect_container, logs=lambda *_, **__: b"its log")
    waiting = outcome.Waiting(SimpleNamespace(client=client), "", [ORDER], 0, 0, Watcher(client))
    verdict = waiting.run()["order"]
    assert verdict.cause.startswith(cause) if cause else verdict
    assert verdict.output == ("its last log lines:\nits log" if cause else "")


def test_every_replica_has_to_be_healthy():
    service = outcome.Service("order", ("one", "two"))
    reports = {"order": {"state": "built", "finished": FINISHED}}
    moment = outcome.Moment(reports, {"one": container(), "two": container("starting")})
    assert outcome.decide(service, moment) is None


def test_without_a_builder_only_health_counts():
    moment = outcome.Moment({}, {"lab-order": container(start="2020-01-01T00:00:00Z")}, built=False)
    assert outcome.decide(ORDER, moment).cause == ""


def test_a_failed_service_has_its_cause_and_the_output_of_its_compiler():
    verdicts = {
        "b": outcome.Verdict("cannot be built", "main.go:1:1: no\nmain.go:2:1: no"),
        "a": outcome.Verdict("it crashed 3 times"),
        "good": outcome.Verdict(),
    }
    assert outcome.failed(verdicts) == {
        "a": "it crashed 3 times",
        "b": "cannot be built\nmain.go:1:1: no\nmain.go:2:1: no",
    }


def test_services_of_specifications():
    specs = [
        {"name": "lab-a", "component": "a"},
        {"name": "lab-a-2", "component": "a"},
        {"name": "lab-b", "component": "b"},
    ]
    assert outcome.services(specs) == [outcome.Service("a", ("lab-a", "lab-a-2")), outcome.Service("b", ("lab-b",))]


def test_a_start_is_not_late_while_another_service_is_compiled():
    user, now = outcome.Service("user", ("lab-user",)), [0.0]
    watcher = Watcher(None, clock=lambda: now[0])
    waiting = outcome.Waiting(None, "builder", [ORDER, user], 900, 10, watcher)
    built = {"state": "built", "finished": FINISHED}
    unready = {"lab-order": container("starting", 1, "no route"), "lab-user": container("starting")}
    compiling = outcome.Moment({"order": built, "user": {"state": "waiting"}}, unready)
    settled = outcome.Moment({"order": built, "user": built}, unready)
    assert waiting._judge(ORDER, compiling, 0) is None
    now[0] = 100
    assert waiting._judge(ORDER, compiling, 0) is None
    assert waiting._judge(ORDER, settled, 0) is None
    now[0] = 111
    assert waiting._judge(ORDER, settled, 0).cause == (
        "is not healthy after 10 s: its health check fails with exit code 1: no route"
    )


class BuilderEngine:
    """An engine with a builder that has built nothing yet; each inspection returns the next of `looks`."""

    def __init__(self, *looks, events=()):
        self.looks, self.happened = list(looks), events
        self.client = SimpleNamespace(
            inspect_container=lambda name: self.looks.pop(0),
            get_archive=self.get_archive,
            events=lambda since, until, filters: iter(self.happened if "oom" in filters["event"] else ()),
            logs=lambda *_, **__: b"the builder's log\n",
        )

    def get_archive(self, *_):
        raise NotFound("no status yet")


def builder(restarts=0, *, oom=False, running=True, code=0):
    status = "running" if running else "exited"
    state = {"Running": running, "Status": status, "OOMKilled": oom, "ExitCode": code, "StartedAt": FINISHED}
    return {"Id": "1", "State": state, "RestartCount": restarts, "HostConfig": {"Memory": 2**30}}


def look_at(*looks, events=()):
    engine = BuilderEngine(*looks, events=events)
    waiting = outcome.Waiting(engine, "lab-builder", [ORDER], 900, 120, Watcher(engine.client))
    for _ in looks:
        waiting._reports()


@pytest.mark.parametrize(
    ("looks", "events"),
    [
        ([builder(2), builder(3, oom=True)], []),
        ([builder(), builder(1, oom=True, running=False, code=137)], []),
        ([builder(oom=True, running=False, code=137)], []),
        # Newer engines forget it with the next start, but keep the event.
        ([builder(), builder(1)], [{"Action": "oom"}]),
    ],
)
def test_a_builder_that_is_restarted_because_memory_ran_out_ends_the_wait(looks, events):
    with pytest.raises(outcome.BuilderError) as error:
        look_at(*looks, events=events)
    assert str(error.value) == (
        "the builder ran out of memory (limit 1.0 GiB). "
        "Set BUILDER_MEMORY in .env to more, then run ansible-playbook playbooks/dev.yml."
        "\nits last log lines:\nthe builder's log"
    )


@pytest.mark.parametrize(
    "looks",
    [
        # A compiler was killed, and the builder goes on with fewer of them.
        [builder(oom=True), builder(oom=True)],
        # It happened before the wait began.
        [builder(2, oom=True), builder(2, oom=True)],
        [builder(), builder(1)],
    ],
)
def test_a_builder_that_goes_on_is_waited_for(looks):
    look_at(*looks)


def test_a_builder_that_ends_for_another_reason_does_not_run():
    with pytest.raises(outcome.BuilderError, match="the builder lab-builder is not running: it exited with code 1"):
        look_at(builder(), builder(1, running=False, code=1))
