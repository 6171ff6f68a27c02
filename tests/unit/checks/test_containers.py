"""The checks of containers, from inspections."""

from datetime import UTC, datetime, timedelta

import pytest

from cloudlab.model.checks import FAILED, NOTE, OK
from cloudlab.validate import containers

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENVIRONMENT = {
    "instance": "lab",
    "components": {"redis": {"container": "lab-redis"}, "order": {"container": "lab-order"}},
    "surplus": [],
    "unavailable": {},
}


def container(component="redis", name="lab-redis", restarts=0, **state):
    return {
        "Name": f"/{name}",
        "RestartCount": restarts,
        "State": {
            "Status": "running",
            "Paused": False,
            "StartedAt": (NOW - timedelta(minutes=3, seconds=5)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z"),
            "Health": {"Status": "healthy"},
            **state,
        },
        "Config": {"User": "999:999", "Labels": {"cloudlab.component": component}},
        "HostConfig": {
            "Memory": 192 * 2**20,
            "NanoCpus": 10**9,
            "PidsLimit": 64,
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
        },
    }


def look(found, actions=(), **changes):
    named = {item["Name"].lstrip("/"): item for item in found}
    plans = {"redis": {"actions": list(actions)}}
    return containers.checks(ENVIRONMENT | changes, named, plans, NOW)


def action(what, *reasons, name="lab-redis"):
    return {"container": name, "action": what, "reasons": list(reasons)}


def test_a_healthy_container_passes():
    state, declared = look([container()])
    assert (state.subject, state.state, state.text) == ("redis", OK, "healthy, up 3 min 4 s")
    assert (declared.subject, declared.state) == ("redis as declared", OK)
    assert declared.text == "192 MiB, 1 cpus, 64 pids, user 999:999, read-only, without ALL capabilities"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"Paused": True}, "paused"),
        ({"Status": "exited", "ExitCode": 137}, "exited: it was killed by SIGKILL (exit code 137)"),
        ({"Status": "exited", "ExitCode": 137, "OOMKilled": True}, "it ran out of memory"),
        ({"Health": {"Status": "starting"}}, "starting"),
        ({"Health": {"Status": "unhealthy", "Log": [{"Output": "no\nanswer"}]}}, "unhealthy: no answer"),
        ({"restarts": 2}, "restarted 2 times by the engine"),
    ],
)
def test_an_unhealthy_container_fails_once(state, told):
    check, declared = look([container(**state)], [action("start", "it has exited with code 137")])
    assert check.state == FAILED
    assert told in check.text
    assert check.cure
    # The state is reported only once.
    assert declared.state == OK or state == {"restarts": 2}


def test_a_missing_container_fails():
    [check] = look([], [action("create", "it does not exist", name="lab-order-2")])
    assert (check.subject, check.state, check.text) == ("order-2", FAILED, "it does not exist")
    assert check.cure.endswith("--tags order")


@pytest.mark.parametrize("what", ["update", "connect", "recreate", "restart"])
def test_a_difference_from_the_declaration_fails(what):
    _, declared = look([container()], [action(what, "memory: 0 instead of 192m")])
    assert (declared.state, declared.text) == (FAILED, "memory: 0 instead of 192m")


def test_a_failed_comparison_fails():
    found = containers.checks(ENVIRONMENT, {}, {"redis": {"failed": False, "msg": "is not ours"}}, NOW)
    assert [(check.subject, check.state, check.text) for check in found] == [
        ("redis as declared", FAILED, "is not ours")
    ]


def test_replicas_are_listed_by_name():
    found = look([container("order", "lab-order-2"), container(), container("order", "lab-order")])
    assert [check.subject for check in found][::2] == ["redis", "order", "order-2"]


def test_surplus_containers_fail_and_unavailable_components_are_notes():
    found = look([], surplus=["lab-old"], unavailable={"kibana": "no registry answers"})
    assert [(check.subject, check.state) for check in found] == [("old", FAILED), ("kibana", NOTE)]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (3600, "1 h"), (3725, "1 h 2 min"), (200000, "2 d 7 h")]
)
def test_durations_have_two_units(seconds, words):
    assert containers.duration(seconds) == words
