"""The registry that the scenario's images come from."""

import documented
import pytest
import registry


@pytest.fixture(scope="session")
def served(lab):
    """The registry, filled; the settings name it from here on."""
    filled = registry.Registry(lab)
    filled.fill(documented.from_packages())
    lab.environ["REGISTRY_MIRROR"] = filled.mirror
    yield filled
    registry.remove_images(lab.client, f"{filled.mirror}/")
