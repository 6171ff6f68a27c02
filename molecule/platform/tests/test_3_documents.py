"""The documents' commands that need the platform."""

import documents
import pytest


@pytest.mark.parametrize("command", documents.OF_THE_PLATFORM)
def test_it_works_as_it_is_written(lab, command, tmp_path):
    documents.run(lab, command, tmp_path)
