"""The documents' commands run as they stand, unless another test runs them (tests/support/documents.py names which).

The commands run in an instance of their own, in an order that makes sense for them. The only things replaced are the
instance's name in names of containers, and the answer to a reset's question.
"""

import os

import documents
import pytest
from lab import ROOT, Lab

OFFSET = 20800
INSTANCE = "test-documentation"


@pytest.fixture(scope="module")
def lab():
    """An instance for the documents' commands; removed at the end."""
    settings = {"CLOUDLAB_ENV_FILE": "", "CLOUDLAB_INSTANCE": INSTANCE, "PORT_OFFSET": str(OFFSET)}
    # What needs the platform is run where it is up already: molecule's scenario of that name.
    settings["CLOUDLAB_PROFILE"] = "stores"
    # Other steps compile the platform's dependencies with the race detector. Compiling them without it takes minutes.
    settings["GOFLAGS"] = f"{os.environ.get('GOFLAGS', '')} -race".strip()
    found = Lab(dict(os.environ) | settings)
    yield found
    found.playbook("reset", "-e", "level=everything", "-e", "confirm=yes")


def test_the_commands_work(lab, tmp_path):
    os.symlink(ROOT / ".venv", tmp_path / ".venv")
    for command in documents.SEQUENCE:
        documents.run(lab, command, tmp_path)
    assert "CREATE DATABASE cloudlab" in (tmp_path / "dump.sql").read_text(encoding="utf-8")
    assert lab.containers() == {}
