"""Dependencies, stops and orphans."""

from __future__ import annotations

import time

from container_lab import HEALTHY, IMAGE, PREFIX, actions
from lab import pause as pause_container

from cloudlab.containers import converge


def test_dependencies_come_first_and_dependents_of_a_failure_are_not_waited_for(lab):
    broken = lab.spec("broken", command=["false"], healthcheck=HEALTHY, restart_policy="no")
    report = lab.converge(
        lab.spec("last", needs=["middle"], healthcheck=HEALTHY),
        lab.spec("middle", needs=["broken", "first"], healthcheck=HEALTHY),
        lab.spec("first", healthcheck=HEALTHY),
        broken,
        state="healthy",
    )
    assert [failure.container for failure in report.failures] == [f"{PREFIX}-broken"]
    assert (
        f"{PREFIX}-middle: started without waiting for its health: it needs {PREFIX}-broken, which failed"
        in report.message
    )
    assert lab.started("first") < lab.started("middle") < lab.started("last")


def test_stop_and_absent_work_in_reverse_order_and_keep_the_data(lab):
    specs = [lab.spec("low", healthcheck=HEALTHY), lab.full(needs=["low"])]
    lab.up(*specs)
    short = [{"name": spec["name"], "component": spec["component"], "needs": spec.get("needs", [])} for spec in specs]
    pause_container(lab.client, f"{PREFIX}-low")
    stopped = lab.up(*short, state="stopped")
    assert actions(stopped) == ["stop", "stop"]
    low, high = lab.inspect("low")["State"], lab.inspect("web")["State"]
    assert high["FinishedAt"] < low["FinishedAt"]
    assert not low["Running"]
    assert lab.up(*short, state="stopped").actions == []
    assert actions(lab.up(*short, state="absent", check=True)) == ["remove", "remove"]
    assert actions(lab.up(*short, state="absent")) == ["remove", "remove"]
    assert lab.names() == set()
    assert lab.client.inspect_volume(f"{PREFIX}-data")
    assert lab.up(*short, state="absent").actions == []


def test_a_graceful_stop_gets_its_time(lab):
    slow = lab.spec(
        command=["sh", "-c", "trap 'sleep 3; echo closed; exit 0' TERM; while true; do sleep 0.1; done"],
        stop_timeout=10,
    )
    lab.up(slow)
    time.sleep(0.5)
    lab.up(slow, state="stopped")
    assert lab.inspect()["State"]["ExitCode"] == 0
    assert b"closed" in lab.client.logs(f"{PREFIX}-web")


def test_orphans_are_removed_only_on_request(lab):
    lab.up(lab.spec(), lab.spec("second"))
    one = {"name": f"{PREFIX}-web"}
    assert len(lab.up(one, state="absent", check=True).actions) == 1
    assert len(lab.up(one, state="absent", orphans=True).actions) == 2
    assert lab.names() == set()


def test_an_optional_container_with_a_mistake_fails_alone(lab):
    wrong = lab.spec("misspelt", comand=["true"])
    absent = lab.spec("absent", image=f"{IMAGE}:none")
    stops = lab.spec("stops", command=["no-such-program"], init=False)
    report = lab.converge(lab.spec("good"), wrong, absent, stops, work=converge.converge_optional)
    assert set(report.failed_components) == {"misspelt", "absent", "stops"}
    assert "unknown option 'comand'; did you mean 'command'?" in report.failed_components["misspelt"]
    assert f"the image {IMAGE}:none does not exist" in report.failed_components["absent"]
    assert "the program no-such-program does not exist" in report.failed_components["stops"]
    assert lab.inspect("good")["State"]["Running"]
    assert f"{PREFIX}-misspelt" not in lab.names()


def test_optional_containers_are_idempotent(lab):
    lab.converge(lab.spec("good"), work=converge.converge_optional)
    second = lab.converge(lab.spec("good"), work=converge.converge_optional)
    assert (second.failures, second.changed) == ([], False)
