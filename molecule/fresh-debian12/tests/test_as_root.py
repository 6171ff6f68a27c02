"""Debian 12, as root, and the accidents that may befall a first run."""

import pytest
from fresh import CHECKOUT, STORES, assert_complete, assert_nothing_to_do, fresh_machine


@pytest.fixture(scope="module")
def fresh(lab):
    """The machine, for all tests of this file, which follow one another."""
    yield from fresh_machine(lab, "bookworm", "root")


def test_help_needs_nothing(fresh):
    result = fresh.setup("--help")
    assert result.status == 0
    assert "Usage" in result.output


def test_killed_while_it_installs_packages_it_begins_anew(fresh):
    # Killed with all it started, once the first packages are there.
    script = """
        setsid ./scripts/setup.sh >/dev/null 2>&1 &
        until ls -d .venv/lib/python3*/site-packages/ansible >/dev/null 2>&1; do sleep 0.1; done
        kill -9 -- -$!
    """
    assert fresh.run("timeout", "300", "bash", "-c", script).status == 0
    assert fresh.run("test", "-e", ".venv/.incomplete").status == 0


def test_it_brings_everything_up(fresh):
    # No locale at all is what a minimal system has.
    result = fresh.setup(LC_ALL="POSIX")
    assert_complete(fresh, result)


def test_again_there_is_nothing_to_do(fresh):
    assert_nothing_to_do(fresh)


def test_after_a_crash_of_the_engine_it_is_started_over_a_stale_pid_file(fresh):
    script = """
        for name in dockerd containerd; do
          for comm in $(grep -lx "$name" /proc/[0-9]*/comm); do kill -9 "$(basename "$(dirname "$comm")")"; done
        done
        echo 1 >/var/run/docker.pid
        echo 1 >/var/run/docker/containerd/containerd.pid
    """
    assert fresh.run("bash", "-c", script).status == 0
    result = fresh.setup()
    assert result.status == 0, result.output
    assert fresh.healthy() == STORES


def test_a_moved_checkout_works(fresh):
    moved = f"{CHECKOUT} moved"
    script = f"cp -r '{CHECKOUT}' '{moved}' && cd '{moved}' && ./scripts/setup.sh --check"
    result = fresh.run("bash", "-c", script)
    assert result.status == 0, result.output
