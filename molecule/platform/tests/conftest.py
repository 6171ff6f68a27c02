"""The platform converged from a checkout that the tests may edit."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def checkout(lab):
    """The scenario's copy of the reference platform."""
    return Path(lab.values["platform_src"])
