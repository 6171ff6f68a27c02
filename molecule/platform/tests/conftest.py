"""The platform converged from a checkout that the tests may edit."""

import os

import caches
import checkout as checkouts
import pytest
from lab import Lab


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of the reference platform."""
    return checkouts.make(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def lab(checkout):
    """The instance, with everything converged once."""
    found = Lab(os.environ | {"PLATFORM_SRC": str(checkout)})
    caches.converged(found, found.converge)
    return found
