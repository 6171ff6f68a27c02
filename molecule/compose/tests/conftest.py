"""A clone with a `.env`, and the environment that Docker Compose brought up from it."""

import os

import caches
import checkout as checkouts
import composed
import documented
import pytest
import registry

from cloudlab.images import trust
from cloudlab.model import settings

# Nothing is pulled; the scenario `registry` proves that images are.
MIRROR = f"{registry.NOWHERE}/compose"


@pytest.fixture(scope="session")
def compose(lab, tmp_path_factory):
    """Docker Compose in a clone, with the images that it names."""
    registry.name_images(lab, MIRROR)
    offset = lab.values["port_offset"]
    ports = {
        name.upper(): str(option["default"] + offset)
        for name, option in settings.spec().items()
        if name.endswith("_port")
    }
    clone = composed.copy(tmp_path_factory.mktemp("clone"))
    # Where the machine trusts certificates of its own, builds need them too.
    (clone / "ca-bundle.crt").write_bytes(trust.ca_bundle(os.environ))
    made = composed.Compose(
        clone,
        {
            **ports,
            "CLOUDLAB_INSTANCE": lab.instance,
            "REGISTRY_MIRROR": MIRROR,
            "COMPOSE_PROFILES": composed.profiles(documented.tools() - {composed.LEFT_OUT}),
            "DOCKER_GROUP": str(composed.socket_group()),
        },
    )
    yield made
    made.run("down", "--volumes")
    registry.remove_images(lab.client, f"{MIRROR}/")


@pytest.fixture(scope="session")
def up(lab, compose):
    """The environment, brought up once and compiled."""
    found = compose.lab()

    labels = {"com.docker.compose.project": lab.instance, "com.docker.compose.volume": caches.VOLUME}
    caches.provide(lab, "_", **labels)
    compose.run("up", "--detach")
    for name in checkouts.services(found):
        found.wait_until_healthy(name, composed.SECONDS)
    caches.keep(lab, "_")
    return found
