"""The instance of the tests of containers."""

from __future__ import annotations

import docker
import pytest
from container_lab import NETWORK, OTHER_NETWORK, ContainerLab


@pytest.fixture(scope="module")
def module_lab(tmp_path_factory):
    lab = ContainerLab(docker.APIClient(version="auto"), tmp_path_factory.mktemp("instance with spaces é"))
    lab.destroy()
    lab.build()
    for network in (NETWORK, OTHER_NETWORK):
        lab.client.create_network(network)
    yield lab
    lab.destroy()
    lab.client.close()


@pytest.fixture
def lab(module_lab):
    yield module_lab
    module_lab.clean()
