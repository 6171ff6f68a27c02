"""A clone with a `.env`, and the environment that Docker Compose brought up from it."""

import os

import caches
import checkout as checkouts
import composed
import pytest
import registry

from cloudlab.images import trust
from cloudlab.model import catalogue


@pytest.fixture(scope="session")
def compose(lab, tmp_path_factory):
    """Docker Compose in a clone, with a registry of this machine in the place of those on the internet."""
    served = registry.Registry(lab)
    served.fill()
    offset = lab.values["port_offset"]
    ports = {name.upper(): str(port + offset) for name, port in catalogue.committed("ports").items()}
    clone = composed.copy(tmp_path_factory.mktemp("clone"))
    # Where the machine trusts certificates of its own, builds need them too.
    (clone / "ca-bundle.crt").write_bytes(trust.ca_bundle(os.environ))
    made = composed.Compose(
        clone,
        {
            **ports,
            "CLOUDLAB_INSTANCE": lab.instance,
            "REGISTRY_MIRROR": served.mirror,
            "COMPOSE_PROFILES": composed.profiles(),
            "DOCKER_GROUP": str(composed.socket_group()),
        },
    )
    yield made
    made.run("down", "--volumes")
    registry.remove_images(lab.client, f"{served.mirror}/")


@pytest.fixture(scope="session")
def up(lab, compose):
    """The environment, brought up once and compiled."""
    found = compose.lab()

    def bring_up():
        compose.run("up", "--detach")
        for name in checkouts.services(found):
            found.wait_until_healthy(name, composed.SECONDS)

    labels = {"com.docker.compose.project": lab.instance, "com.docker.compose.volume": caches.VOLUME}
    caches.converged(lab, bring_up, "_", **labels)
    return found
