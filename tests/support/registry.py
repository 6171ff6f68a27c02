"""A local image registry (Debian's docker-registry) that serves images under the pinned upstream names.

It serves the images that the project uses on this machine, built from packages or pulled, with the contracts of the
upstream images (tests/standins/contracts). It listens on the loopback address and on that of the engine's default
network.

    python tests/support/registry.py   names all images as if they had been pulled from the REGISTRY_MIRROR of this
                                       process environment; prints `changed` or `unchanged`
"""

import hashlib
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import docker
import requests
import standins
from lab import ROOT, Lab, wait_until

from cloudlab.images import references

STATE = ROOT / ".cloudlab" / "test-registry"
# A host that does not exist. Instances add a path of their own.
NOWHERE = "registry.invalid"
PROGRAM = ROOT / ".cloudlab" / "test-tools" / "docker-registry"
SECONDS = 20

CONFIGURATION = """
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {directory}}}, delete: {{enabled: true}}}}
http: {{addr: "{address}"}}
"""


class Registry:
    """The registry of an instance, running and filled. The registries of all instances share what is stored."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.directory = STATE / lab.instance
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = self._port()
        self.mirror = f"127.0.0.1:{self.port}"
        # Its address for containers on the engine's default network.
        self.mirror_for_containers = f"{gateway(lab)}:{self.port}"
        # The program listens on one address only; two processes share the storage.
        for address in (self.mirror, self.mirror_for_containers):
            if not answers(address):
                start(self.directory, address)

    def stop(self) -> None:
        """Stop the registry; the images stay stored."""
        stop(self.directory)

    def _port(self) -> int:
        """The port that the instance's registry already uses, or a free one."""
        file = self.directory / "port"
        if not file.exists():
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                file.write_text(str(listener.getsockname()[1]))
        return int(file.read_text())

    def fill(self, components: Iterable[str]) -> None:
        """Serve the images of these components, or stand-ins, with the contracts of the upstream images."""
        keys = {self.lab.values["catalogue"][name]["image"] for name in components}
        missing = sorted(key for key in keys if not self.has(self.name(key)))
        images = sources(self.lab) if set(missing) - set(standins.FOLDERS) else {}
        for key in missing:
            self.serve(key, standins.image(self.lab.client, key, images))

    def serve(self, key: str, source: str) -> None:
        """Serve the engine's image `source` under the upstream name of the image `key`."""
        self._push(source, self.name(key))

    def name(self, key: str) -> str:
        """The upstream name of the catalogue's image `key`, with this registry as its host."""
        return references.registry_reference(self.lab.values["images"][key], self.mirror)

    def has(self, name: str) -> bool:
        """Whether it serves the image `name` (host:port/repository:tag)."""
        repository, tag = name.removeprefix(f"{self.mirror}/").rsplit(":", 1)
        accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        answer = requests.head(f"http://{self.mirror}/v2/{repository}/manifests/{tag}", headers=accept, timeout=SECONDS)
        return answer.ok

    def digest(self, key: str) -> str:
        """The digest under which it serves the image `key` now."""
        return self.lab.client.inspect_distribution(self.name(key))["Descriptor"]["digest"]

    def _push(self, source: str, name: str) -> None:
        client = self.lab.client
        repository, tag = name.rsplit(":", 1)
        client.tag(source, repository, tag)
        try:
            for line in client.push(repository, tag, stream=True, decode=True):
                assert "error" not in line, line
        finally:
            # Remove the name, so that clients must pull the image.
            client.remove_image(name, noprune=True)


def sources(lab: Lab) -> Mapping[str, str]:
    """Key in the catalogue -> the engine's own image, of those that have a package form; missing ones are built."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "images.json"
        settings = {"IMAGE_SOURCE": "auto", "REGISTRY_MIRROR": "", "CLOUDLAB_PROFILE": "full"}
        lab.run(ROOT / "molecule/shared/images.yml", "--extra-vars", f"images_file={file}", **settings)
        return json.loads(file.read_text())


def name_images(lab: Lab, mirror: str) -> bool:
    """Name all images as if they had been pulled from the host `mirror`; return whether this changed something.

    Pushing them to a registry and pulling them again would take minutes, which the scenario `registry` spends on a few.
    """
    names = {key: references.registry_reference(image, mirror) for key, image in lab.values["images"].items()}
    present = {name for image in lab.client.images() for name in image["RepoTags"] or []}
    if present.issuperset(names.values()):
        return False
    images = sources(lab)
    for key, name in names.items():
        lab.client.tag(standins.image(lab.client, key, images), *name.rsplit(":", 1))
    return True


def remove_images(client: docker.APIClient, prefix: str) -> None:
    """Remove names with the prefix from the engine; the images keep their other names."""
    for image in client.images():
        for name in [*(image["RepoTags"] or []), *(image["RepoDigests"] or [])]:
            # The digest goes with the last tag.
            if name.startswith(prefix):
                with suppress(docker.errors.ImageNotFound):
                    client.remove_image(name, force=True, noprune=True)


def gateway(lab: Lab) -> str:
    """The address of this machine on the engine's default network."""
    network = lab.client.inspect_network("bridge")["IPAM"]["Config"][0]
    return network.get("Gateway") or str(next(ipaddress.ip_network(network["Subnet"]).hosts()))


def answers(address: str) -> bool:
    """Whether a registry responds at the address."""
    try:
        return requests.get(f"http://{address}/v2/", timeout=SECONDS).ok
    except requests.ConnectionError:
        return False


def store() -> Path:
    """The folder of what is served. Another one when contracts or images change; the former ones are removed."""
    folders = (standins.SOURCES, ROOT / "files" / "images")
    content = hashlib.sha256()
    for file in sorted(file for folder in folders for file in folder.rglob("*") if file.is_file()):
        content.update(f"{file.relative_to(ROOT)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    current = STATE / f"store-{content.hexdigest()[:12]}"
    for former in set(STATE.glob("store*")) - {current}:
        shutil.rmtree(former)
    return current


def start(directory: Path, address: str) -> None:
    """Start a registry that outlives this process; `stop` ends it."""
    configuration = directory / f"{address.replace(':', '-')}.yml"
    configuration.write_text(CONFIGURATION.format(directory=store(), address=address))
    with configuration.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "serve", configuration],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    configuration.with_suffix(".pid").write_text(str(process.pid))
    wait_until(lambda: answers(address), f"the registry answers on {address}", SECONDS)


def stop(directory: Path) -> None:
    """Stop all registries below `directory`; what is stored stays until STATE is removed."""
    for file in directory.glob("**/*.pid"):
        pid = int(file.read_text())
        try:
            if b"docker-registry" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError):
            pass
        file.unlink()


if __name__ == "__main__":
    instance = Lab()
    print("changed" if name_images(instance, instance.values["registry_mirror"]) else "unchanged")
