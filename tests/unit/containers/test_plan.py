"""The plan: for each situation the action, the reason and the difference."""

from __future__ import annotations

import pytest
from container_samples import API, IMAGE, parse, running, situation

from cloudlab.containers.plan import name_conflict, plan, refusals

MOUNT = {"Type": "volume", "Source": "other", "Target": "/data"}
FILE = {"content": "threads 4\n", "target": "/etc/app.conf"}


def decide(spec, container, state="started", unenforced=frozenset(), **other):
    return plan(spec, situation(container, **other), state, API, unenforced)


def actions(decided) -> list[str]:
    return [step.action for step in decided.changes]


def reasons(decided) -> str:
    return "\n".join(reason for step in decided.changes for reason in step.reasons)


def test_a_container_without_differences_is_not_changed():
    spec = parse()
    decided = decide(spec, running(spec))
    assert decided.changes == ()
    assert (decided.before, decided.after, decided.healthy) == ({}, {}, True)


def test_a_missing_container_is_created():
    decided = decide(parse(), None)
    assert actions(decided) == ["create"]
    assert decided.before == {}
    assert decided.after["memory"] == 64 * 2**20


def altered(path: str, value):
    """A container with one change; the path leads to it in the inspected container."""
    container = running(parse())
    *folders, last = path.split("/")
    place = container
    for folder in folders:
        place = place[folder]
    place[last] = value
    return container


@pytest.mark.parametrize(
    ("path", "value", "action", "reason"),
    [
        ("State/Status", "exited", "start", "it exited with code 0"),
        ("State/Status", "created", "start", "it was never started"),
        ("State/Status", "restarting", "restart", "crash loop"),
        ("State/Status", "dead", "recreate", "state: dead"),
        ("State/Status", "removing", "recreate", "state: removing"),
        ("State/Paused", True, "unpause", "it is paused"),
        ("State/Health", {"Status": "unhealthy"}, "restart", "its health check fails"),
        ("HostConfig/Memory", 2**20, "update", "memory: 1 MiB instead of 64 MiB"),
        ("HostConfig/Memory", 0, "update", "memory: no limit instead of 64 MiB"),
        ("HostConfig/NanoCpus", 10**9, "update", "cpus: 1.0 instead of 0.5"),
        ("HostConfig/PidsLimit", None, "update", "pids_limit: no limit instead of 100"),
        ("HostConfig/MemoryReservation", 2**20, "recreate", "memory_reservation: 1 MiB instead of no limit"),
        ("HostConfig/RestartPolicy", {"Name": "no"}, "update", "restart_policy: no instead of unless-stopped"),
        ("HostConfig/CpuShares", 512, "recreate", "other settings: CpuShares is not in the specification"),
        ("HostConfig/Privileged", True, "recreate", "other settings: Privileged is not in the specification"),
        ("HostConfig/CapAdd", ["CAP_NET_RAW"], "recreate", "cap_add: NET_RAW is not in the specification"),
        ("HostConfig/CapDrop", None, "recreate", "cap_drop: ALL is missing"),
        ("HostConfig/CapDrop", ["CAP_ALL"], None, ""),
        ("HostConfig/ReadonlyRootfs", False, "recreate", "read_only: False instead of True"),
        ("HostConfig/PortBindings", {}, "recreate", "published_ports: 127.0.0.1:8080:80/tcp is missing"),
        ("HostConfig/Mounts", [MOUNT], "recreate", "mounts: /data has another value"),
        ("HostConfig/NetworkMode", "bridge", "recreate", "its default network bridge is not in the specification"),
        ("HostConfig/ShmSize", 2**30, None, ""),
        ("Config/User", "root", "recreate", "user: root instead of app"),
        ("Config/Cmd", ["other"], "recreate", "command: differs"),
        ("Config/Healthcheck", {"Test": ["NONE"]}, "recreate", "healthcheck: differs"),
        ("Config/StopSignal", "SIGKILL", "recreate", "stop_signal: SIGKILL instead of SIGINT"),
        ("Config/Labels/cloudlab.component", "other", "recreate", "labels: cloudlab.component has another value"),
        ("Config/Labels/cloudlab.spec", "0", "recreate", "the specification has changed"),
        ("Config/Labels/extra", "1", "recreate", "labels: extra is not in the specification"),
        ("Image", "sha256:2222222222222222", "recreate", "image: 222222222222 instead of 111111111111"),
        ("NetworkSettings/Networks", {}, "connect", "network lab-front is not connected"),
        ("NetworkSettings/Networks/lab-front/NetworkID", "gone", "connect", "network lab-front was recreated"),
        ("NetworkSettings/Networks/lab-front/NetworkID", "", None, ""),
        ("NetworkSettings/Networks/lab-front/Aliases", ["impostor"], "connect", "has other aliases for it"),
        ("NetworkSettings/Networks/other", {"NetworkID": "x"}, "connect", "network other is not in the specification"),
    ],
)  # fmt: skip
def test_a_change_by_hand_is_found(path, value, action, reason):
    decided = decide(parse(), altered(path, value))
    assert actions(decided) == ([action] if action else [])
    assert reason in reasons(decided)


def test_variables_are_compared_with_those_of_the_image():
    container = running(parse())
    container["Config"]["Env"] += ["EXTRA=1"]
    container["Config"]["Env"].remove("LANG=C")
    decided = decide(parse(), container)
    assert reasons(decided) == "env: EXTRA is not in the specification\nenv: LANG is missing"


def test_an_anonymous_volume_is_found():
    container = running(parse())
    container["Mounts"].append({"Type": "volume", "Name": "f00d", "Destination": "/cache", "RW": True})
    assert reasons(decide(parse(), container)) == "mounts: /cache is not in the specification"


@pytest.mark.parametrize(
    ("change", "action", "reason"),
    [
        ({"memory": "128m"}, "update", "memory: 64 MiB instead of 128 MiB"),
        ({"memory": None}, "recreate", "memory: 64 MiB instead of no limit"),
        ({"cpus": None}, "recreate", "cpus: 0.5 instead of no limit"),
        ({"pids_limit": None}, "update", "pids_limit: 100 instead of no limit"),
        ({"restart_policy": None}, "update", "restart_policy: unless-stopped instead of no"),
        ({"networks": ["lab-front", "lab-back"]}, "connect", "network lab-back is not connected"),
        ({"env": {"DB_PASSWORD": "correct-horse"}}, "recreate", "env: LEVEL is not in the specification"),
        ({"published_ports": []}, "recreate", "published_ports: 127.0.0.1:8080:80/tcp is not in the specification"),
        ({"user": "999"}, "recreate", "user: app instead of 999"),
        ({"entrypoint": []}, "recreate", "entrypoint: differs"),
        ({"needs": ["database"]}, None, ""),
        ({"memory": "128m", "user": "999"}, "recreate", "user: app instead of 999\nmemory: 64 MiB instead of 128 MiB"),
    ],
)
def test_a_changed_specification(change, action, reason):
    decided = decide(parse(**change), running(parse()))
    assert actions(decided) == ([action] if action else [])
    assert reason in reasons(decided)


def test_an_update_raises_memory_and_swap_together():
    decided = decide(parse(memory="128m"), running(parse()))
    assert decided.limits == {"Memory": 128 * 2**20, "MemorySwap": 256 * 2**20}


def test_limits_that_the_engine_cannot_enforce_are_not_compared():
    container = altered("HostConfig/MemorySwap", -1)
    assert decide(parse(), container).limit_drift
    assert decide(parse(), container, unenforced=frozenset({"memory_swap"})).changes == ()


def test_networks_are_left_before_they_are_joined():
    container = running(parse(networks=["lab-front", "lab-back"]))
    container["NetworkSettings"]["Networks"]["lab-front"]["NetworkID"] = "gone"
    decided = decide(parse(networks=["lab-front"]), container)
    assert (decided.disconnect, decided.connect) == (("lab-front",), ("lab-front",))
    container["NetworkSettings"]["Networks"]["lab-back"] = {"NetworkID": "net2", "Aliases": None}
    decided = decide(parse(networks=["lab-front"]), container)
    assert (decided.disconnect, decided.connect) == (("lab-back", "lab-front"), ("lab-front",))


def test_a_stopped_container_with_a_recreated_network_is_connected_and_started():
    container = altered("NetworkSettings/Networks/lab-front/NetworkID", "gone")
    container["State"] = {"Status": "exited", "ExitCode": 137}
    decided = decide(parse(), container)
    assert actions(decided) == ["connect", "start"]
    assert "exited with code 137" in reasons(decided)
    assert decided.before["state"] == "exited"


@pytest.mark.parametrize(
    ("status", "expected"),
    [("running", "restart"), ("exited", "start"), ("restarting", "restart"), ("dead", "recreate")],
)
def test_an_altered_file(status, expected):
    spec = parse(files=[FILE])
    container = running(spec)
    container["State"]["Status"] = status
    decided = decide(spec, container, altered={spec.files[0]: "has other content"})
    assert actions(decided) == [expected]
    assert "file /etc/app.conf has other content" in reasons(decided)


def test_a_replaced_socket():
    """The container has the old one until it is restarted."""
    decided = decide(parse(), running(parse()), replaced=("/run/engine.sock",))
    assert (actions(decided), reasons(decided)) == (["restart"], "socket /run/engine.sock: recreated")


def test_a_changed_file_is_the_reason_to_recreate():
    spec = parse(files=[{**FILE, "content": "threads 8\n"}])
    container = running(parse(files=[FILE]))
    decided = decide(spec, container, altered={spec.files[0]: "has other content"})
    assert (actions(decided), reasons(decided)) == (["recreate"], "file /etc/app.conf has other content")


def test_missing_images_and_networks_matter_only_to_a_new_container():
    spec = parse()
    without = {"image": None, "networks": {}}
    container = running(spec) | {"Config": running(spec)["Config"] | {"Image": spec.image}}
    assert decide(spec, container, **without).missing == ()
    decided = decide(spec, None, **without)
    assert decided.missing == (
        "the image web:1 does not exist. Build or pull it first",
        "the network lab-front does not exist. Create it first",
    )
    other = decide(parse(image="web:2"), container, **without)
    assert reasons(other) == "image: web:1 instead of web:2"
    assert other.missing


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        ("running", "stopped", ["stop"]),
        ("paused", "stopped", ["stop"]),
        ("restarting", "stopped", ["stop"]),
        ("exited", "stopped", []),
        ("created", "stopped", []),
        ("running", "absent", ["remove"]),
        ("exited", "absent", ["remove"]),
        (None, "stopped", []),
        (None, "absent", []),
    ],
)
def test_stopping_and_removing(status, state, expected):
    container = status and altered("State/Status", status)
    assert actions(decide(parse(), container, state)) == expected


@pytest.mark.parametrize("state", ["started", "stopped", "absent"])
def test_leftovers_are_removed_in_every_state(state):
    decided = decide(parse(), None, state, leftovers=(("1234", "lab-web.next"),))
    assert actions(decided)[0] == "remove"
    assert "lab-web.next: left over from an interrupted run, or renamed" in reasons(decided)


def test_healthy_needs_a_health_check():
    bare = parse(healthcheck=None)
    image = {**IMAGE, "Config": IMAGE["Config"] | {"Healthcheck": {"Test": ["CMD", "true"]}}}
    assert "neither the specification nor the image web:1" in refusals(bare, situation(None), "healthy", API)[0]
    assert refusals(bare, situation(None), "started", API) == []
    assert refusals(bare, situation(None, image=image), "healthy", API) == []
    off = parse(healthcheck={"test": ["NONE"]})
    assert refusals(off, situation(None, image=image), "healthy", API)


def test_a_volume_of_the_image_requires_a_mount():
    image = {**IMAGE, "Config": IMAGE["Config"] | {"Volumes": {"/data": {}, "/cache/": {}}}}
    [refused] = refusals(parse(), situation(None, image=image), "started", API)
    assert "declares a volume at /cache/" in refused


def test_a_name_that_is_taken_by_another_instance_or_program():
    label = "cloudlab.instance"
    assert name_conflict("lab-web", {label: "lab"}, "lab") is None
    assert "docker rm -f lab-web" in name_conflict("lab-web", {}, "lab")
    assert "belongs to the instance other" in name_conflict("lab-web", {label: "other"}, "lab")


def test_a_health_check_depends_on_the_engines_version():
    check = {"test": ["CMD", "true"], "interval": "10s", "start_interval": "1s", "fallback_interval": "2s"}
    spec = parse(healthcheck=check)
    old = plan(spec, situation(None), "started", (1, 41)).after["healthcheck"]
    new = plan(spec, situation(None), "started", (1, 44)).after["healthcheck"]
    assert old == {"Test": ["CMD", "true"], "Interval": 2 * 10**9}
    assert new == {"Test": ["CMD", "true"], "Interval": 10 * 10**9, "StartInterval": 10**9}
