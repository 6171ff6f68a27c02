"""The documents' commands that need the platform."""

import documents
import pytest
from lab import wait_until


@pytest.mark.parametrize("command", documents.OF_THE_PLATFORM)
def test_it_works_as_it_is_written(lab, command, tmp_path):
    documents.run(lab, command, tmp_path)


@pytest.mark.parametrize("session", documents.sessions())
def test_a_session_works_from_its_first_line_to_its_last(lab, session, tmp_path):
    """After the commands, one of which fills the shop."""
    told = documents.run(lab, session, tmp_path)
    assert '"state": "confirmed"' in told


def test_a_signal_makes_a_service_tell_what_it_does(lab, tmp_path):
    documents.run(lab, "docker kill --signal QUIT cloudlab-order", tmp_path)
    wait_until(lambda: "goroutine 1 [" in log_of(lab, "order"), "order's log has its stacks", 30)
    lab.wait_until_healthy("order")


def log_of(lab, component):
    return lab.client.logs(lab.container(component)).decode(errors="replace")
