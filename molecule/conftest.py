"""What the tests of all scenarios share."""

import chromium
import pytest
from lab import Lab

# The tests talk to the engine and to published ports themselves; they are run once, on this machine.
testinfra_hosts = ["local://"]


@pytest.fixture(scope="session")
def lab():
    """The scenario's instance."""
    return Lab()


@pytest.fixture(scope="session")
def browser():
    """A browser without a window."""
    if not chromium.PROGRAM:
        pytest.skip("no chromium on this machine")
    with chromium.started() as found:
        yield found
