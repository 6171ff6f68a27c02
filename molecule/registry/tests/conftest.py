"""The registry that the scenario's images come from."""

import pytest
import registry


@pytest.fixture(scope="session")
def upstream():
    """Three stores with data and a tool: every image more takes seconds to push and to pull."""
    return ("postgres", "redis", "clickhouse", "redis-commander")


@pytest.fixture(scope="session")
def served(lab, upstream):
    """The registry, filled; the settings name it from here on."""
    filled = registry.Registry(lab)
    filled.fill(upstream)
    lab.environ["REGISTRY_MIRROR"] = filled.mirror
    yield filled
    registry.remove_images(lab.client, f"{filled.mirror}/")
