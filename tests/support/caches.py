"""The build cache that scenarios with the reference platform hand on, because compiling it from nothing takes minutes.

    python tests/support/caches.py provide   gives the instance of this process environment what is kept
    python tests/support/caches.py keep      keeps what the instance has compiled, if nothing is kept yet

Both print `changed` or `unchanged`. The kept copy belongs to an instance of the tests and is removed with it.
"""

import fcntl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import docker
import stores
from lab import ROOT, Lab

from cloudlab.model.environment import LABEL_COMPONENT, LABEL_DATA, LABEL_INSTANCE, LABEL_SOURCE

VOLUME = "builder-cache"
KEPT = f"test-{VOLUME}"
SECONDS = 300


def provide(lab: Lab, separator: str = "-", **labels: str) -> bool:
    """Create the instance's cache from the kept one, if it has none; return whether this changed something.

    :param separator: between the instance's name and a volume's; :param labels: additional ones of the volume.
    """
    own = f"{lab.instance}{separator}{VOLUME}"
    # The labels of the project itself, so that it recognises the volume as its own.
    source = "registry" if lab.values["image_source"] == "registry" else "packages"
    known = {LABEL_INSTANCE: lab.instance, LABEL_COMPONENT: "builder", LABEL_SOURCE: source, LABEL_DATA: "1"}
    with exclusive():
        if exists(lab.client, own) or not exists(lab.client, KEPT):
            return False
        copy(lab.client, KEPT, own, known | labels)
        return True


def keep(lab: Lab, separator: str = "-") -> bool:
    """Keep a copy of the instance's cache, if none is kept; return whether this changed something."""
    with exclusive():
        if exists(lab.client, KEPT):
            return False
        copy(lab.client, f"{lab.instance}{separator}{VOLUME}", KEPT, {LABEL_INSTANCE: "test-cache"})
        return True


@contextmanager
def exclusive() -> Iterator[None]:
    """Scenarios run at the same time; none may see an unfinished copy."""
    file = ROOT / ".cloudlab" / "test-cache.lock"
    file.parent.mkdir(exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def exists(client: docker.APIClient, volume: str) -> bool:
    """Whether the engine has the volume."""
    return any(item["Name"] == volume for item in client.volumes(filters={"name": volume})["Volumes"] or [])


def copy(client: docker.APIClient, source: str, target: str, labels: Mapping[str, str]) -> None:
    """Create a volume with the content of another one."""
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


if __name__ == "__main__":
    action = {"provide": provide, "keep": keep}[sys.argv[1]]
    print("changed" if action(Lab()) else "unchanged")
