"""The documents' commands that need the platform."""

import documents
import pytest


@pytest.mark.parametrize("command", documents.OF_THE_PLATFORM)
def test_it_works_as_it_is_written(lab, command, tmp_path):
    documents.run(lab, command, tmp_path)


@pytest.mark.parametrize("session", documents.sessions())
def test_a_session_works_from_its_first_line_to_its_last(lab, session, tmp_path):
    """After the commands, one of which fills the shop."""
    told = documents.run(lab, session, tmp_path)
    assert '"state": "confirmed"' in told
