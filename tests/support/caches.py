"""A copy of the builder's cache that scenarios share: compiling ten services without it takes minutes.

The copy belongs to an instance of the tests and is removed with their leftovers.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import docker
import stores
from lab import Lab

from cloudlab.model.environment import LABEL_COMPONENT, LABEL_DATA, LABEL_INSTANCE, LABEL_SOURCE

VOLUME = "builder-cache"
KEPT = f"test-{VOLUME}"
SECONDS = 300

Result = TypeVar("Result")


def converged(lab: Lab, converge: Callable[[], Result], separator: str = "-", **labels: str) -> Result:
    """The result of `converge`, with the shared cache.

    :param separator: what stands between the instance's name and a volume's; :param labels: more for the volume.
    """
    own = f"{lab.instance}{separator}{VOLUME}"
    # The same labels as the project's, so that it is managed by the instance.
    known = {LABEL_INSTANCE: lab.instance, LABEL_COMPONENT: "builder", LABEL_SOURCE: "packages", LABEL_DATA: "1"}
    if exists(lab.client, KEPT) and not exists(lab.client, own):
        copy(lab.client, KEPT, own, known | labels)
    result = converge()
    if not exists(lab.client, KEPT):
        copy(lab.client, own, KEPT, {LABEL_INSTANCE: "test-cache"})
    return result


def exists(client: docker.APIClient, volume: str) -> bool:
    """Whether the engine has the volume."""
    return any(item["Name"] == volume for item in client.volumes(filters={"name": volume})["Volumes"] or [])


def copy(client: docker.APIClient, source: str, target: str, labels: Mapping[str, str]) -> None:
    """Create a volume with the content of another."""
    client.create_volume(target, labels=dict(labels))
    volumes = client.create_host_config(binds=[f"{source}:/from:ro", f"{target}:/to"])
    command = ["cp", "--archive", "/from/.", "/to/"]
    image = stores.image_of("base-trixie")
    made = client.create_container(image, command, user="0", host_config=volumes, labels=labels)
    try:
        client.start(made)
        assert client.wait(made, timeout=SECONDS)["StatusCode"] == 0, client.logs(made).decode(errors="replace")
    finally:
        client.remove_container(made, force=True)
