"""What the tests of all scenarios share."""

import pytest
from lab import Lab

# The tests talk to the engine and to published ports themselves; they are run once, on this machine.
testinfra_hosts = ["local://"]


@pytest.fixture(scope="session")
def lab():
    """The scenario's instance."""
    return Lab()
