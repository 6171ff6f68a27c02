"""The registry that the scenario's images come from."""

import documented
import pytest
import registry


@pytest.fixture(scope="session")
def upstream():
    """The components that run an upstream image with a contract, or what stands in for it: all but the services and
    their builder."""
    return sorted(
        name for name, component in documented.components().items() if component.kind != "service" and name != "builder"
    )


@pytest.fixture(scope="session")
def served(lab, upstream):
    """The registry, filled; the settings name it from here on."""
    filled = registry.Registry(lab)
    filled.fill(upstream)
    lab.environ["REGISTRY_MIRROR"] = filled.mirror
    yield filled
    registry.remove_images(lab.client, f"{filled.mirror}/")
