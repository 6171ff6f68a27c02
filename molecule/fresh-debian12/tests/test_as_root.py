"""Debian 12, as root: its Python 3.11, and what can go wrong in a first run. One store suffices for that."""

import pytest
from fresh import CHECKOUT, assert_complete, assert_nothing_to_do, fresh_machine

COMPONENTS = ["redis"]
ONLY = ["--tags", *COMPONENTS]
# Where no Python can be downloaded from: port 9 discards.
NO_DOWNLOADS = {"UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def fresh(lab):
    """The machine, for all tests of this file, which follow one another."""
    yield from fresh_machine(lab, "bookworm", "root", COMPONENTS)


def test_help_needs_nothing(fresh):
    result = fresh.setup("--help")
    assert result.status == 0
    assert "Usage" in result.output


def test_an_installation_can_be_killed(fresh):
    # With everything it has started, as soon as the first packages are installed.
    script = """
        setsid ./scripts/setup.sh >/tmp/killed.log 2>&1 &
        until ls -d .venv/lib/python3*/site-packages/ansible >/dev/null 2>&1; do sleep 0.1; done
        kill -9 -- -$!
    """
    assert fresh.run("timeout", "300", "bash", "-c", script, **NO_DOWNLOADS).status == 0
    assert fresh.run("test", "-e", ".venv/.incomplete").status == 0


def test_the_next_run_starts_over_with_the_last_ansible_for_its_python(fresh):
    # A minimal system has no locale at all.
    result = fresh.setup(*ONLY, LC_ALL="POSIX", **NO_DOWNLOADS)
    assert_complete(fresh, result)
    assert fresh.versions() == ("3.11", "2.19")
    assert "WARNING: Python 3.11 is outdated, and a newer one could not be downloaded: " in result.output


def test_another_run_changes_nothing(fresh):
    assert_nothing_to_do(fresh, *ONLY)


def test_after_a_crash_the_engine_is_started_despite_a_stale_pid_file(fresh):
    script = """
        for name in dockerd containerd; do
          for comm in $(grep -lx "$name" /proc/[0-9]*/comm); do kill -9 "$(basename "$(dirname "$comm")")"; done
        done
        echo 1 >/var/run/docker.pid
        echo 1 >/var/run/docker/containerd/containerd.pid
    """
    assert fresh.run("bash", "-c", script).status == 0
    result = fresh.setup(*ONLY)
    assert result.status == 0, result.output
    assert fresh.healthy() == set(COMPONENTS)


def test_a_moved_checkout_gets_an_environment_of_its_own(fresh):
    moved = f"{CHECKOUT} moved"
    script = f"cp -r '{CHECKOUT}' '{moved}' && cd '{moved}' && ./scripts/setup.sh --check --tags redis"
    result = fresh.machine.run("bash", "-c", script, environ=fresh.environ | NO_DOWNLOADS)
    assert result.status == 0, result.output
    assert "creating .venv" in result.output
