"""Failures are collected and explained."""

from __future__ import annotations

import os
import socket
import time

from container_lab import HEALTHY, PREFIX, SECRET, actions


def test_failures_are_collected_and_the_others_are_started(lab):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    with taken:
        report = lab.converge(
            lab.spec("port", published_ports=[f"{port}:8080"]),
            lab.spec("limit", ulimits=["nofile:99999999999:99999999999"]),
            lab.spec("image", image=f"{PREFIX}-not-built:1"),
            lab.spec("network", networks=[f"{PREFIX}-not-made"]),
            lab.spec("program", command=["no-such-program"], init=False),
            lab.spec("good"),
        )
    assert lab.inspect("good")["State"]["Running"]
    causes = {item.container.removeprefix(f"{PREFIX}-"): item.cause for item in report.failures}
    assert f"port {port} on 127.0.0.1 is already in use by" in causes["port"]
    assert f"(pid {os.getpid()})" in causes["port"]
    assert "the limit nofile" in causes["limit"]
    assert "Build or pull it first" in causes["image"]
    assert f"the network {PREFIX}-not-made does not exist" in causes["network"]
    assert "the program no-such-program does not exist" in causes["program"]
    assert all(cause in report.message for cause in causes.values())
    healed = lab.up(lab.spec("port", published_ports=[f"{port}:8080"]))
    assert actions(healed) == ["start"]


def test_a_crash_is_reported_early_with_its_log(lab):
    begin = time.monotonic()
    report = lab.converge(
        lab.spec(command=["sh", "-c", "echo cannot open database with $DB_PASSWORD; exit 3"], healthcheck=HEALTHY),
        state="healthy",
        timeout=60,
    )
    assert time.monotonic() - begin < 20
    assert "is in a crash loop" in report.message
    assert "exited with code 3" in report.message
    assert "| cannot open database with <hidden>" in report.message
    assert SECRET not in report.message


def test_an_end_without_restart_is_reported_at_once(lab):
    report = lab.converge(
        lab.spec(command=["sh", "-c", "exit 0"], healthcheck=HEALTHY, restart_policy="no"), state="healthy", timeout=60
    )
    assert "it exited without an error" in report.message


def test_running_out_of_memory_is_reported(lab):
    report = lab.converge(
        lab.spec(
            command=["sh", "-c", "tail /dev/zero"],
            healthcheck=HEALTHY,
            memory="8m",
            memory_swap="8m",
            restart_policy="no",
        ),
        state="healthy",
        timeout=60,
    )
    assert "it ran out of memory" in report.message


def test_unhealthy_is_reported_at_the_deadline(lab):
    begin = time.monotonic()
    failing = {"test": ["CMD-SHELL", "echo schema is missing; exit 1"], "interval": "500ms", "retries": 1}
    report = lab.converge(lab.spec(healthcheck=failing), state="healthy", timeout=3)
    assert 3 <= time.monotonic() - begin < 12
    assert "is not healthy after 3 s: its health check fails with exit code 1: schema is missing" in report.message


def test_an_unhealthy_container_is_restarted(lab):
    sick = {"test": ["CMD", "test", "!", "-e", "/tmp/sick"], "interval": "200ms", "retries": 1}
    raw = lab.spec(healthcheck=sick, mounts=[{"type": "tmpfs", "target": "/tmp"}])
    lab.up(raw, state="healthy")
    lab.sh("touch /tmp/sick")
    deadline = time.monotonic() + 10
    while lab.inspect()["State"]["Health"]["Status"] != "unhealthy" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert actions(lab.up(raw, state="healthy")) == ["restart"]
