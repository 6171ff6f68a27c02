"""Every command in the documents is run by a test, or the test that proves it is named."""

import documents

PROVEN = set(documents.PROVEN_ELSEWHERE) | set(documents.SEQUENCE) | set(documents.OF_THE_PLATFORM)


def test_every_command_is_proven():
    assert documents.documented() - PROVEN == set()


def test_every_proof_is_of_a_command():
    """A command that has left the documents leaves the lists too."""
    assert PROVEN - documents.documented() == set()
