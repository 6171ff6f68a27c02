"""A converge is interrupted at several points, by Ctrl-C and by SIGKILL; the next run completes it."""

import os
import signal
import subprocess

import pytest
from lab import ROOT, wait_until
from probes import PROBES

CHOSEN = ("postgres", "redis")
SECONDS = 120


def nothing_yet(lab):
    """Right at the start."""
    return True


def a_network(lab):
    return lab.networks()


def the_volumes(lab):
    return len(lab.volumes()) == len(CHOSEN)


def a_container(lab):
    return lab.present()


def all_containers(lab):
    """While PostgreSQL makes its files for the first time."""
    return lab.present() == set(CHOSEN)


INTERRUPTIONS = [
    (nothing_yet, signal.SIGKILL),
    (a_network, signal.SIGKILL),
    (the_volumes, signal.SIGKILL),
    (a_container, signal.SIGKILL),
    (all_containers, signal.SIGKILL),
    (a_container, signal.SIGINT),
    (all_containers, signal.SIGINT),
]


@pytest.fixture
def empty(lab):
    """The instance with nothing there."""
    lab.remove_everything()
    return lab


def interrupt(lab, point, number) -> None:
    """Start a converge, and send it the signal when the point is reached."""
    process = subprocess.Popen(
        ["ansible-playbook", "playbooks/dev.yml", "--tags", ",".join(CHOSEN)],
        cwd=ROOT,
        env=lab.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: point(lab) or process.poll() is not None, point.__name__, SECONDS)
    assert process.poll() is None, "the converge ended before it could be interrupted"
    os.killpg(process.pid, number)
    process.wait(timeout=SECONDS)


@pytest.mark.parametrize(
    ("point", "number"), INTERRUPTIONS, ids=[f"{point.__name__}-{number.name}" for point, number in INTERRUPTIONS]
)
def test_the_next_run_completes_it(empty, point, number):
    interrupt(empty, point, number)
    if number == signal.SIGKILL and point is all_containers:
        # The worst of it: the machine went down with it, in the middle of the initialisation.
        empty.client.kill(empty.container("postgres"))
    empty.converge(*CHOSEN)
    assert empty.present() == set(CHOSEN)
    # Two runs at once could have made it twice; then no container can be connected to it any more.
    assert len(empty.client.networks(names=[f"^{empty.instance}-database$"])) == 1
    for store in CHOSEN:
        empty.wait_until_healthy(store)
        PROBES[store].write(empty)
        assert PROBES[store].read(empty) == PROBES[store].expected
    assert empty.converge(*CHOSEN).changed == 0
