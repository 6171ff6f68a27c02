"""A converge that is cut off anywhere, or meets another one, or a port that somebody took: the next run puts it right.

The engine itself says when a point is reached: the tests listen to its events, and strike at the one they wait for.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from lab import ROOT, Lab
from probes import PROBES

from cloudlab.model.environment import LABEL_INSTANCE

INSTANCE = "test-interrupted"
OFFSET = 20640
CHOSEN = ("postgres", "redis")
# Only a hang takes longer than this.
SECONDS = 120
POLL_SECONDS = 0.01
# Services of PostgreSQL: so many that the work on them lasts a while.
SERVICES = [f"service{number}" for number in range(40)]
# Values of redis_maxmemory: each makes another configuration, and that another container.
MEGABYTES = itertools.count(100)


@pytest.fixture(scope="module")
def lab():
    """The instance, removed at the end."""
    settings = {"CLOUDLAB_ENV_FILE": "", "CLOUDLAB_INSTANCE": INSTANCE, "PORT_OFFSET": str(OFFSET)}
    found = Lab(dict(os.environ) | settings)
    clear(found)
    yield found
    clear(found)


@pytest.fixture
def empty(lab):
    """The instance with nothing there."""
    clear(lab)
    return lab


@pytest.fixture(scope="module")
def filled(lab):
    """The instance converged, with data in it."""
    clear(lab)
    lab.converge(*CHOSEN)
    for store in CHOSEN:
        PROBES[store].write(lab)
    return lab


def clear(lab: Lab) -> None:
    """Remove all that the instance has, without a playbook: it is not what is tested here, and takes longer."""
    chosen = {"label": f"{LABEL_INSTANCE}={INSTANCE}"}
    for container in lab.client.containers(all=True, filters=chosen):
        lab.client.remove_container(container["Id"], force=True, v=True)
    for network in lab.client.networks(filters=chosen):
        lab.client.remove_network(network["Id"])
    for volume in lab.client.volumes(filters=chosen)["Volumes"] or []:
        lab.client.remove_volume(volume["Name"])
    shutil.rmtree(lab.directory, ignore_errors=True)


# Points of a converge


@dataclass(frozen=True)
class Point:
    """An event of the engine: its type, its action, and the name of what it is about, without the instance's name."""

    kind: str
    action: str
    name: str

    def is_it(self, event: dict) -> bool:
        """Whether `event` is this one."""
        attributes = event["Actor"]["Attributes"]
        name = event["Actor"]["ID"] if event["Type"] == "volume" else attributes.get("name")
        return (event["Type"], event["Action"], name) == (self.kind, self.action, f"{INSTANCE}-{self.name}")

    def __str__(self):
        return f"{self.kind}-{self.action}-{self.name}".replace(": ", "-")


NETWORK = Point("network", "create", "database")
VOLUME = Point("volume", "create", "postgres-data")
MADE = Point("container", "create", "postgres")
# PostgreSQL makes its files for the first time, and Redis is still to come.
STARTED = Point("container", "start", "postgres")
# Both have been started; PostgreSQL's content is converged as soon as it answers.
ALL_STARTED = Point("container", "start", "redis")
# The new container is made, the old one still runs.
SUCCESSOR = Point("container", "create", "redis.next")
# The old one is gone, the new one does not have its name yet.
OLD_GONE = Point("container", "destroy", "redis")
# It has its name, but does not run.
RENAMED = Point("container", "rename", "redis")


def identity(value) -> str:
    """How a test is called with this parameter."""
    return value.name if isinstance(value, signal.Signals) else str(value)


BEGINNING = [
    (NETWORK, signal.SIGKILL),
    (VOLUME, signal.SIGINT),
    (MADE, signal.SIGKILL),
    (STARTED, signal.SIGINT),
    (ALL_STARTED, signal.SIGINT),
]
REPLACING = [(SUCCESSOR, signal.SIGINT), (OLD_GONE, signal.SIGKILL), (RENAMED, signal.SIGINT)]


@contextlib.contextmanager
def converging(lab: Lab, *arguments: str) -> Iterator[subprocess.Popen]:
    """A converge under way, in a process group of its own, as at a terminal; what is left of it is killed."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            ["ansible-playbook", "playbooks/dev.yml", "--tags", ",".join(CHOSEN), *arguments],
            cwd=ROOT,
            env=lab.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            # Where the tests run in the background, SIGINT may be ignored, and what is started inherits that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        process.output = lambda: (output.seek(0), output.read())[1]
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def strike(process: subprocess.Popen, number: signal.Signals) -> None:
    """Send the signal to the whole group, and see that the converge died of it and not by itself."""
    assert process.poll() is None, f"the converge ended before it could be interrupted:\n{process.output()}"
    os.killpg(process.pid, number)
    status = process.wait(SECONDS)
    assert status != 0, f"the converge was not interrupted:\n{process.output()}"


def interrupt_at(lab: Lab, point: Point, number: signal.Signals, *arguments: str) -> None:
    """Start a converge, and strike when the engine tells of the point."""
    # Listening begins before the converge does: no event can be missed.
    events = lab.client.events(filters={"type": point.kind}, decode=True)
    limit = threading.Timer(SECONDS, events.close)
    limit.start()
    try:
        with converging(lab, *arguments) as process:
            assert any(point.is_it(event) for event in events), f"{point} did not come:\n{process.output()}"
            strike(process, number)
    finally:
        limit.cancel()
        events.close()


def interrupt_when(lab: Lab, reached, number: signal.Signals, *arguments: str) -> None:
    """Start a converge, and strike when `reached()` is true."""
    with converging(lab, *arguments) as process:
        deadline = time.monotonic() + SECONDS
        while not reached():
            assert process.poll() is None, f"ended before the point:\n{process.output()}"
            assert time.monotonic() < deadline, f"the point did not come:\n{process.output()}"
            time.sleep(POLL_SECONDS)
        strike(process, number)


# What has to be true afterwards


def assert_whole(lab: Lab) -> None:
    """All chosen stores are healthy, and there is nothing that does not belong to them."""
    assert sorted(names(lab.client.containers(all=True))) == sorted(lab.container(store) for store in CHOSEN)
    for store in CHOSEN:
        assert lab.is_healthy(store)
    # Two networks can have one name; no container can be connected to it any more then.
    networks = [network["Name"] for network in lab.client.networks() if network["Name"].startswith(INSTANCE)]
    assert networks == [f"{INSTANCE}-database"]
    assert lab.volumes() == {f"{store}-data" for store in CHOSEN}


def names(containers: list) -> list[str]:
    """Names of those containers that are the instance's, by their names or by their labels."""
    found = ((item["Names"][0].lstrip("/"), item["Labels"].get(LABEL_INSTANCE)) for item in containers)
    return [name for name, owner in found if name.startswith(f"{INSTANCE}-") or owner == INSTANCE]


def assert_repaired(lab: Lab, *arguments: str) -> None:
    """The next run completes the work, and the one after it has nothing to do."""
    lab.playbook("dev", "--tags", ",".join(CHOSEN), *arguments)
    assert_whole(lab)
    lives = lab.identities()
    again = lab.playbook("dev", "--diff", "--tags", ",".join(CHOSEN), *arguments)
    assert again.changed == 0, again.output
    assert lab.identities() == lives


def assert_usable(lab: Lab) -> None:
    """Clients can write and read."""
    for store in CHOSEN:
        PROBES[store].write(lab)
        assert PROBES[store].read(lab) == PROBES[store].expected


@pytest.mark.parametrize(("point", "number"), BEGINNING, ids=identity)
def test_cut_off_while_it_comes_to_be(empty, point, number):
    interrupt_at(empty, point, number)
    assert_repaired(empty)
    assert_usable(empty)


def test_cut_off_together_with_a_store_that_makes_its_files(empty):
    """As if the machine had gone down in the middle of PostgreSQL's initialisation."""
    interrupt_at(empty, ALL_STARTED, signal.SIGKILL)
    empty.client.kill(empty.container("postgres"))
    assert_repaired(empty)
    assert_usable(empty)


def test_cut_off_while_a_store_is_initialised(empty):
    """PostgreSQL has the roles, and not yet the database and its schemas."""
    services = [{"name": name, "password": name, "schema": name} for name in SERVICES]
    arguments = ("--extra-vars", json.dumps({"postgres_services": services}))
    interrupt_when(empty, lambda: count_roles(empty), signal.SIGKILL, *arguments)
    assert_repaired(empty, *arguments)
    with PROBES["postgres"].connect(empty) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'service%'").fetchall()
    assert sorted(name for (name,) in found) == sorted(SERVICES)


def count_roles(lab: Lab) -> int:
    """How many of the services' roles exist; 0 as long as the server does not take the administrator's password."""
    try:
        with psycopg.connect(
            host="127.0.0.1",
            port=lab.port("postgres", "sql"),
            user=lab.values["postgres_user"],
            password=lab.values["postgres_password"],
            dbname="postgres",
        ) as connection:
            return connection.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'service%'").fetchone()[0]
    except psycopg.OperationalError:
        return 0


@pytest.mark.parametrize(("point", "number"), REPLACING, ids=identity)
def test_cut_off_while_a_container_is_replaced(filled, point, number):
    """The data that was written before is there afterwards."""
    change = ("--extra-vars", f"redis_maxmemory={next(MEGABYTES)}mb")
    interrupt_at(filled, point, number, *change)
    assert_repaired(filled, *change)
    for store in CHOSEN:
        assert PROBES[store].read(filled) == PROBES[store].expected


def test_two_at_once(empty):
    """One converges. The other is told who does; or it came when the first had ended, and then it found all done."""
    with converging(empty) as one, converging(empty) as other:
        statuses = [process.wait(SECONDS) for process in (one, other)]
        outputs = [" ".join(process.output().split()) for process in (one, other)]
    assert 0 in statuses, outputs
    for status, output, winner in zip(statuses, outputs, (other, one), strict=True):
        assert status == 0 or f"another run (pid {winner.pid}, since" in output
    assert_repaired(empty)


def test_a_port_taken_while_a_container_is_stopped(filled):
    """The run says who has it and changes nothing; when it is free again, a run starts the container."""
    port, before = filled.port("redis", "redis"), filled.inspect("redis")["Id"]
    filled.client.stop(filled.container("redis"))
    with socket.socket() as thief:
        # The port's last connections may still be fading away.
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", port))
        thief.listen()
        refused = filled.playbook("dev", "--tags", ",".join(CHOSEN), status=None)
    assert refused.status != 0
    said = " ".join(refused.output.split())
    assert f"port {port} (for redis) is already in use by " in said
    assert f"(pid {os.getpid()})" in said
    assert filled.inspect("redis")["State"]["Status"] == "exited"
    assert_repaired(filled)
    assert filled.inspect("redis")["Id"] == before
