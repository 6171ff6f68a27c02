"""Remove objects on the engine that failed or interrupted tests left behind, and stop the test registry.

Objects of tests have the label of an instance whose name begins with `molecule-` or `test-`, or the label
`cloudlab.test`. Nothing else is removed.
"""

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping

import docker
import registry
from lab import ROOT, TEST_INSTANCES

STATE = ROOT / ".cloudlab"
# Logs and downloads of the tests: not directories of instances, despite their prefix.
KEPT = ("test-logs", "test-tools")


def is_ours(labels: Mapping[str, str] | None) -> bool:
    """Whether an object with the labels belongs to a test."""
    labels = labels or {}
    return labels.get("cloudlab.instance", "").startswith(TEST_INSTANCES) or "cloudlab.test" in labels


def ours(objects: Iterable[Mapping]) -> Iterable[Mapping]:
    """The objects that belong to tests."""
    return [item for item in objects if is_ours(item.get("Labels"))]


def remove_from_engine(client: docker.APIClient) -> None:
    """Remove containers, then networks, volumes and images."""
    for container in ours(client.containers(all=True)):
        attempt(client.remove_container, container["Id"], force=True, v=True)
    for network in ours(client.networks()):
        attempt(client.remove_network, network["Id"])
    for volume in ours(client.volumes()["Volumes"] or []):
        attempt(client.remove_volume, volume["Name"], force=True)
    registry.remove_images(client, f"{registry.NOWHERE}/")
    for image in ours(client.images()):
        attempt(client.remove_image, image["Id"], force=True)


def attempt(remove: Callable[..., object], name: str, **options: bool) -> None:
    """Remove one thing; what cannot be removed is named, and the others go on."""
    try:
        remove(name, **options)
    except docker.errors.NotFound:
        pass
    except docker.errors.APIError as error:
        print(f"cannot remove {name}: {error.explanation}", file=sys.stderr)


def remove_files() -> None:
    """Remove the directories that instances of tests generated."""
    for prefix in TEST_INSTANCES:
        for directory in STATE.glob(f"{prefix}*"):
            if directory.name not in KEPT:
                shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    registry.stop(registry.STATE)
    remove_from_engine(docker.APIClient(timeout=120))
    remove_files()
