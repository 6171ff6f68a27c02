"""Debian 13, as a user with sudo, and as one without."""

import pytest
from fresh import assert_complete, assert_nothing_to_do, fresh_machine

OTHER_CHECKOUT = "/srv/other"


@pytest.fixture(scope="module")
def fresh(lab):
    """The machine, for all tests of this file, which follow one another."""
    yield from fresh_machine(lab, "trixie", "dev")


def test_without_sudo_it_says_what_it_needs_root_for(fresh):
    fresh.machine.clone(OTHER_CHECKOUT, owner="guest")
    result = fresh.machine.run("./scripts/setup.sh", user="guest", folder=OTHER_CHECKOUT)
    assert result.status == 1
    assert "Installing python3 python3-venv requires root" in result.output


def test_it_brings_everything_up(fresh):
    assert_complete(fresh, fresh.setup())


def test_the_user_may_use_the_engine_from_now_on(fresh):
    assert fresh.run("docker", "version").status == 0


def test_nothing_in_the_checkout_belongs_to_somebody_else(fresh):
    assert fresh.run("find", ".", "!", "-user", "dev").output == ""


def test_again_there_is_nothing_to_do(fresh):
    assert_nothing_to_do(fresh)


def test_who_is_not_in_the_group_is_told_so(fresh):
    result = fresh.machine.run("./scripts/setup.sh", user="guest", folder=OTHER_CHECKOUT)
    assert result.status == 1
    assert "The user guest may not open the Docker Engine's socket" in result.output
