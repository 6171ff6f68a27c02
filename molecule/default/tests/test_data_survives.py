"""Data of a client survives that the container is killed, removed and recreated."""

import pytest
from probes import PROBES


@pytest.fixture(scope="module")
def remade(lab):
    """The instance after every container was killed and removed, and a converge; something was written before."""
    for probe in PROBES.values():
        probe.write(lab)
    before = lab.identities()
    for name in before:
        lab.client.kill(lab.container(name))
        lab.client.remove_container(lab.container(name))
    assert lab.converge().changed > 0
    assert {name: life[0] for name, life in lab.identities().items()}.keys() == before.keys()
    return lab


@pytest.mark.parametrize("store", PROBES)
def test_what_was_written_is_read_back(remade, store):
    assert PROBES[store].read(remade) == PROBES[store].expected


def test_the_converge_after_that_changes_nothing(remade):
    assert remade.converge().changed == 0
