"""Debian 13, whose Python takes the current Ansible: as a user with sudo, and as one without."""

import pytest
from fresh import STORES, assert_complete, assert_nothing_to_do, fresh_machine

OTHER_CHECKOUT = "/srv/other"


@pytest.fixture(scope="module")
def fresh(lab):
    """The machine, for all tests of this file, which follow one another."""
    yield from fresh_machine(lab, "trixie", "dev", STORES)


def test_without_sudo_it_names_what_requires_root(fresh):
    fresh.machine.clone(OTHER_CHECKOUT, owner="guest")
    result = fresh.machine.run("./scripts/setup.sh", user="guest", folder=OTHER_CHECKOUT)
    assert result.status == 1
    assert "Installing python3 python3-venv requires root" in result.output


def test_it_starts_everything_with_the_current_ansible(fresh):
    result = fresh.setup()
    assert_complete(fresh, result)
    assert fresh.versions() == ("3.13", "2.21")
    assert "WARNING: Python" not in result.output, result.output


def test_the_user_may_use_the_engine_from_now_on(fresh):
    assert fresh.run("docker", "version").status == 0


def test_the_checkout_has_no_files_of_other_users(fresh):
    assert fresh.run("find", ".", "!", "-user", "dev").output == ""


def test_another_run_changes_nothing(fresh):
    assert_nothing_to_do(fresh)


def test_a_user_outside_the_group_is_told_so(fresh):
    result = fresh.machine.run("./scripts/setup.sh", user="guest", folder=OTHER_CHECKOUT)
    assert result.status == 1
    assert "The user guest may not open the Docker Engine's socket" in result.output
