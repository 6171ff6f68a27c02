"""The engines of Docker Desktop, Colima and OrbStack: a proxy in front of the real engine that answers as they do.

Their engine runs in a virtual machine. It has its own socket and data root, and of the user's files only the shared
folders. So the proxy, which listens on a socket of its own,

- answers GET /info and /version with the names of the product, as recorded in tests/unit/machines;
- resolves the source of a bind in the virtual machine, and refuses what is not there;
- reports sources and labels as the product does: Docker Desktop rewrites them (tests/unit/containers/engines).

Every other request passes untouched, with its stream. Each connection serves one request.

The facts, and where they come from:

- Docker Desktop refuses a source with "Mounts denied": docker/desktop-linux#177, crate/docker-crate#212.
- Docker Desktop reports /host_mnt/…, another socket, and labels: src/cloudlab/containers/rewrites.py.
- Colima shares only the home folder: abiosoft/colima#1379.
- In Colima, a missing source of an option -v becomes an empty folder: abiosoft/colima#267, #530.
- OrbStack has the user's files under the same paths: docs.orbstack.dev/docker/file-sharing, orbstack/orbstack#415.
  Since 1.4 it has other folders of the Mac too (#435), except /etc and others of its virtual machine (#1878). The proxy
  shares only the home folder, on which the project relies.
- OrbStack reports sources as they were requested, and adds no labels: no report of anything else was found.
- Every engine refuses a missing source of an option --mount (OrbStack: orbstack/orbstack#26).
- Containers mount /var/run/docker.sock of the virtual machine, in all products: abiosoft/colima#382,
  orbstack/orbstack#269. Sockets of the Mac cannot be used in containers: abiosoft/colima#997, orbstack/orbstack#26.
- The socket belongs to the group root (OrbStack has no group docker: orbstack/orbstack#204, #1946; Docker Desktop:
  docker/for-win#13898), in Colima to the group docker (abiosoft/colima, environment/container/docker/docker.go).
  A release of OrbStack of December 2024 did not let the group root use it: orbstack/orbstack#1673, closed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import ROOT

from cloudlab import engine

# Where the virtual machine has its socket and its data: the latter is nowhere on this machine, as it is on a Mac.
SOCKET = "/var/run/docker.sock"
DATA_ROOT = "/var/lib/docker-in-the-virtual-machine"
_RECORDED = ("Name", "OperatingSystem", "KernelVersion")
_CHUNK = 65536


@dataclass(frozen=True)
class Product:
    """How a product differs from an engine on this machine.

    :param record: its file in tests/unit/machines. :param sources: what it puts before the source of a shared file.
    :param socket: the socket as it reports it. :param labels: whether it adds labels to containers.
    :param denies: whether it refuses sources that are not shared by itself, before the engine sees them.
    :param socket_group: of the socket in the virtual machine; no group of this machine's users.
    """

    record: str
    sources: str = ""
    socket: str = SOCKET
    labels: bool = False
    denies: bool = False
    socket_group: int = 0


PRODUCTS = {
    "docker-desktop": Product(
        "docker-desktop-macos", "/host_mnt", "/run/host-services/docker.proxy.sock", labels=True, denies=True
    ),
    "colima": Product("colima", socket_group=64991),
    "orbstack": Product("orbstack"),
}


class Refusal(Exception):
    """The answer of an engine that does not create a container: status and message."""


class Desktop:
    """A running product, whose virtual machine shares the folder `shared`. `folder` is for its own files.

    Clients connect to `address`.
    """

    def __init__(self, product: str, shared: Path, folder: Path):
        self.product, self.shared = PRODUCTS[product], shared
        self.files = folder / "only-in-the-virtual-machine"
        self.files.mkdir(parents=True)
        with engine.connect() as real:
            self.engine, self.data_root = real.address.removeprefix("unix://"), real.client.info()["DockerRootDir"]
        self.known = self._recorded()
        self.address = f"unix://{folder / 'docker.sock'}"
        self.socket = str(folder / "inside.sock")
        self._servers = [_Server(path, self) for path in (self.address.removeprefix("unix://"), self.socket)]
        self._belong_to_root()

    def _recorded(self) -> dict[str, Any]:
        file = ROOT / "tests" / "unit" / "machines" / f"{self.product.record}.json"
        info = json.loads(file.read_text(encoding="utf-8"))["info"]
        return {name: info[name] for name in _RECORDED} | {"DockerRootDir": DATA_ROOT}

    def _belong_to_root(self) -> None:
        """Give the socket inside its owner. Without the right to do that, everyone may use it."""
        os.chmod(self.socket, 0o660 if os.getuid() == 0 else 0o666)
        if os.getuid() == 0:
            os.chown(self.socket, 0, self.product.socket_group)

    def __enter__(self) -> Desktop:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        shutil.rmtree(self.files)

    # Paths

    def inward(self, source: str, must_exist: bool) -> str:
        """The path on this machine of a path in the virtual machine; raises Refusal."""
        if source == SOCKET:
            return self.socket
        if _is_below(source, DATA_ROOT):
            return self.data_root + source.removeprefix(DATA_ROOT)
        if _is_below(source, str(self.shared)) and (Path(source).exists() or not must_exist):
            return source
        if self.product.denies:
            raise Refusal(
                500,
                f"Mounts denied: \nThe path {source} is not shared from the host and is not known to Docker.\n"
                "You can configure shared paths from Docker -> Preferences... -> Resources -> File Sharing.",
            )
        if must_exist:
            raise Refusal(400, f'invalid mount config for type "bind": bind source path does not exist: {source}')
        empty = self.files / source.lstrip("/")
        empty.mkdir(parents=True, exist_ok=True)
        return str(empty)

    def outward(self, source: str) -> str:
        """The path that the product reports for a path on this machine."""
        if source == self.socket:
            return self.product.socket
        if _is_below(source, self.data_root):
            return DATA_ROOT + source.removeprefix(self.data_root)
        if _is_below(source, str(self.files)):
            return source.removeprefix(str(self.files))
        return self.product.sources + source

    # Requests and answers

    def create(self, body: dict[str, Any]) -> None:
        """Translate the request for a container."""
        host = body.get("HostConfig") or {}
        if self.product.labels:
            body["Labels"] = (body.get("Labels") or {}) | dict(_labels(host))
        for mount in _binds(host.get("Mounts")):
            created = (mount.get("BindOptions") or {}).get("CreateMountpoint", False)
            mount["Source"] = self.inward(mount["Source"], must_exist=not created)
        for number, bind in enumerate(host.get("Binds") or []):
            if bind.startswith("/"):
                source, _, rest = bind.partition(":")
                host["Binds"][number] = f"{self.inward(source, must_exist=False)}:{rest}"

    def inspected(self, container: dict[str, Any]) -> None:
        """Translate an inspected container."""
        self.listed([container])
        host = container["HostConfig"]
        for mount in _binds(host.get("Mounts")):
            mount["Source"] = self.outward(mount["Source"])
        for number, bind in enumerate(host.get("Binds") or []):
            if bind.startswith("/"):
                source, _, rest = bind.partition(":")
                host["Binds"][number] = f"{self.outward(source)}:{rest}"

    def listed(self, containers: list[dict[str, Any]]) -> None:
        """Translate a list of containers."""
        for container in containers:
            for mount in container.get("Mounts") or []:
                if mount.get("Source"):
                    mount["Source"] = self.outward(mount["Source"])

    def described(self, facts: dict[str, Any]) -> None:
        """Translate the engine's description of itself."""
        facts.update({name: value for name, value in self.known.items() if name in facts})


def _is_below(path: str, folder: str) -> bool:
    return f"{os.path.normpath(path)}/".startswith(f"{folder}/")


def _binds(mounts: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [mount for mount in mounts or [] if mount["Type"] == "bind"]


def _labels(host: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The labels that Docker Desktop adds for binds and published ports."""
    mounts = [(mount["Source"], mount["Target"]) for mount in _binds(host.get("Mounts"))]
    binds = [tuple(bind.split(":")[:2]) for bind in host.get("Binds") or [] if bind.startswith("/")]
    for number, (source, target) in enumerate(binds + mounts):
        kind = "dockerSocketProxied" if source == SOCKET else "hostFile"
        for name, value in (("Source", source), ("SourceKind", kind), ("Target", target)):
            yield f"desktop.docker.io/binds/{number}/{name}", value
    if host.get("PortBindings"):
        yield "desktop.docker.io/ports.scheme", "v2"
    for inside, sides in (host.get("PortBindings") or {}).items():
        for side in sides:
            yield f"desktop.docker.io/ports/{inside}", f"{side.get('HostIp', '')}:{side['HostPort']}"


# Method and path, without the version of the API -> what is translated: the request, or the answer.
_TRANSLATED: tuple[tuple[str, str, Callable[[Desktop, Any], None]], ...] = (
    ("POST", "/containers/create", Desktop.create),
    ("GET", "/containers/json", Desktop.listed),
    ("GET", r"/containers/[^/]+/json", Desktop.inspected),
    ("GET", "/info|/version", Desktop.described),
)


class _Engine(http.client.HTTPConnection):
    """A connection to the real engine."""

    def __init__(self, path: str):
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: str, desktop: Desktop):
        self.desktop = desktop
        super().__init__(path, _Handler)


class _Handler(socketserver.StreamRequestHandler):
    """One connection of a client: one request."""

    server: _Server

    def handle(self) -> None:
        line = self.rfile.readline()
        if not line:
            return
        headers = http.client.parse_headers(self.rfile)
        method, target, _ = line.decode().split()
        path = re.sub(r"^/v[\d.]+(?=/)", "", target.partition("?")[0])
        with contextlib.suppress(ConnectionError):
            for known, pattern, translate in _TRANSLATED:
                if method == known and re.fullmatch(pattern, path):
                    self._translated(method, target, headers, translate)
                    return
            self._passed(line, headers)

    def _translated(
        self, method: str, target: str, headers: http.client.HTTPMessage, translate: Callable[[Desktop, Any], None]
    ) -> None:
        desktop = self.server.desktop
        body = self.rfile.read(int(headers.get("Content-Length") or 0))
        try:
            if method == "POST":
                request = json.loads(body)
                translate(desktop, request)
                body = json.dumps(request).encode()
        except Refusal as refusal:
            status, message = refusal.args
            self._answer(status, "Refused", json.dumps({"message": message}).encode())
            return
        with contextlib.closing(_Engine(desktop.engine)) as real:
            real.request(method, target, body, {"Content-Type": "application/json", "Connection": "close"})
            response = real.getresponse()
            content = response.read()
        if method == "GET" and response.status == http.HTTPStatus.OK:
            answer = json.loads(content)
            translate(desktop, answer)
            content = json.dumps(answer).encode()
        self._answer(response.status, response.reason, content)

    def _answer(self, status: int, reason: str, content: bytes) -> None:
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        self.wfile.write(f"{head}Connection: close\r\n\r\n".encode() + content)

    def _passed(self, line: bytes, headers: http.client.HTTPMessage) -> None:
        """Pass everything in both directions, until the engine ends it."""
        if "Upgrade" not in headers:
            # So that the client opens another connection for its next request.
            del headers["Connection"]
            headers["Connection"] = "close"
        with socket.socket(socket.AF_UNIX) as real:
            real.connect(self.server.desktop.engine)
            real.sendall(line + "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n")
            threading.Thread(target=self._pass_on, args=(real,), daemon=True).start()
            while received := real.recv(_CHUNK):
                self.wfile.write(received)
        # Ends the other direction, whose client may keep its half of the connection open.
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, real: socket.socket) -> None:
        """Pass what the client sends to the engine, and that it sends no more."""
        with contextlib.suppress(OSError, ValueError):
            while sent := self.rfile.read1(_CHUNK):
                real.sendall(sent)
            real.shutdown(socket.SHUT_WR)
