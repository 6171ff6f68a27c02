"""An image registry of this machine's own that serves the pinned upstream names: Debian's docker-registry.

What it serves under those names are the images that the project uses here, built from packages or pulled. It listens
where this machine finds it, and where containers on the engine's default network do.
"""

import functools
import ipaddress
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import docker
import requests
import standins
from lab import ROOT, Lab, wait_until

from cloudlab.images import references

STATE = ROOT / ".cloudlab" / "test-registry"
PROGRAM = ROOT / ".cloudlab" / "test-tools" / "docker-registry"
SECONDS = 20

CONFIGURATION = """
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {directory}}}, delete: {{enabled: true}}}}
http: {{addr: "{address}"}}
"""


class Registry:
    """The registry, running and filled; it is kept for the tests that come later, which find it as it is."""

    def __init__(self, lab: Lab):
        self.lab = lab
        STATE.mkdir(parents=True, exist_ok=True)
        self.port = self._port()
        self.mirror = f"127.0.0.1:{self.port}"
        # How a container on the engine's default network names it.
        self.mirror_for_containers = f"{gateway(lab)}:{self.port}"
        # The program listens on one address; two of them share the store.
        for address in (self.mirror, self.mirror_for_containers):
            if not answers(address):
                start(address)

    def _port(self) -> int:
        """The port of the run that is under way, or a free one."""
        file = STATE / "port"
        if not file.exists():
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                file.write_text(str(listener.getsockname()[1]))
        return int(file.read_text())

    def fill(self, only: Collection[str] = ()) -> None:
        """Serve every image that the catalogue names, or `only` these; images that do not exist yet are built first."""
        for key, source in self.sources.items():
            if (not only or key in only) and not self.has(self.name(key)):
                self._push(source, self.name(key))
        for key in standins.FOLDERS if not only else ():
            self.serve(key, standins.build(self.lab.client, key))

    def serve(self, key: str, source: str) -> None:
        """Serve the engine's image `source` under the upstream name of the image `key`."""
        self._push(source, self.name(key))

    def name(self, key: str) -> str:
        """The upstream name of the catalogue's image `key`, with this registry as its host."""
        return references.registry_reference(self.lab.values["images"][key], self.mirror)

    @functools.cached_property
    def sources(self) -> Mapping[str, str]:
        """Catalogue key -> the engine's own image that is served, of those that have a package form."""
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "images.json"
            # However the tests that come want to have them: here they are made.
            settings = {"IMAGE_SOURCE": "auto", "REGISTRY_MIRROR": ""}
            self.lab.run(ROOT / "molecule/shared/images.yml", "--extra-vars", f"images_file={file}", **settings)
            return json.loads(file.read_text())

    def has(self, name: str) -> bool:
        """Whether it serves the image `name` (host:port/repository:tag)."""
        repository, tag = name.removeprefix(f"{self.mirror}/").rsplit(":", 1)
        accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        answer = requests.head(f"http://{self.mirror}/v2/{repository}/manifests/{tag}", headers=accept, timeout=SECONDS)
        return answer.ok

    def _push(self, source: str, name: str) -> None:
        client = self.lab.client
        repository, tag = name.rsplit(":", 1)
        client.tag(source, repository, tag)
        try:
            for line in client.push(repository, tag, stream=True, decode=True):
                assert "error" not in line, line
        finally:
            # Whoever wants it shall have to pull it.
            client.remove_image(name, noprune=True)


def remove_images(client: docker.APIClient, prefix: str) -> None:
    """Remove the names that begin so from the engine; the images live on under their others."""
    for image in client.images():
        for name in image["RepoTags"] or []:
            if name.startswith(prefix):
                client.remove_image(name, force=True, noprune=True)


def gateway(lab: Lab) -> str:
    """This machine's address on the engine's default network."""
    network = lab.client.inspect_network("bridge")["IPAM"]["Config"][0]
    return network.get("Gateway") or str(next(ipaddress.ip_network(network["Subnet"]).hosts()))


def answers(address: str) -> bool:
    """Whether a registry answers there."""
    try:
        return requests.get(f"http://{address}/v2/", timeout=SECONDS).ok
    except requests.ConnectionError:
        return False


def start(address: str) -> None:
    """Start one that outlives this process; `stop` ends it."""
    configuration = STATE / f"{address.replace(':', '-')}.yml"
    configuration.write_text(CONFIGURATION.format(directory=STATE / "store", address=address))
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


def stop() -> None:
    """End what runs; what is stored stays until STATE is removed."""
    for file in STATE.glob("*.pid"):
        pid = int(file.read_text())
        try:
            if b"docker-registry" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError):
            pass
        file.unlink()
