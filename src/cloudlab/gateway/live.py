"""Apply a configuration to a running gateway: validated first, without dropped connections, rolled back if rejected.

The files are in `<directory>/config/gateway-live/`, which is mounted into the container; Envoy reads them when one is
renamed into place. A marker next to the folder identifies the files that were validated, so that a run without changes
needs no query.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from docker import APIClient

from cloudlab.containers import files
from cloudlab.containers.spec import File
from cloudlab.gateway import config, envoy
from cloudlab.gateway.model import Gateway

FOLDER = "gateway-live"
MARKER = "gateway-live.proven"
FOLDER_MODE = 0o755  # Envoy runs as another user
NOTICE_SECONDS = 10.0  # to read and load a renamed file
PAUSE = 0.05


@dataclass(frozen=True)
class Target:
    """The gateway that is configured: its container and image, and the instance with its directory."""

    instance: str
    directory: Path
    container: str
    image: str
    notice: float = NOTICE_SECONDS

    @property
    def folder(self) -> Path:
        return self.directory / "config" / FOLDER

    @property
    def marker(self) -> Path:
        return self.directory / "config" / MARKER


@dataclass
class Outcome:
    """What changed, or would change in check mode: file -> content before (None: no file) and after."""

    changed: bool = False
    before: dict[str, str | None] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    live: bool = False  # a running gateway loaded it
    warnings: list[str] = field(default_factory=list)


class UnnoticedError(Exception):
    """Envoy did not notice a file."""


def converge(gateway: Gateway, target: Target, connect: Callable[[], APIClient], check: bool) -> Outcome:
    """Converge the gateway's configuration. connect: called only if there is something to do.

    Raises envoy.EnvoyError if Envoy rejects it; the previous configuration stays in use.
    """
    want = config.live_files(gateway)
    have = {name: _read(target.folder / name) for name in config.FILES}
    digest = _digest(gateway, target.image, want)
    stale = [name for name in config.FILES if files.difference(_file(target, name, want[name]))]
    if not stale and _read(target.marker) == digest:
        return Outcome()
    outcome = Outcome(bool(stale), {name: have[name] for name in stale}, {name: want[name] for name in stale})
    client = connect()
    if check and not envoy.has_image(client, target.image):
        outcome.warnings.append(f"The image {target.image} does not exist yet, so the configuration was not validated.")
        return outcome
    envoy.validate(client, target.image, target.container, target.instance, config.standalone(gateway))
    if not check:
        _Change(client, target, have, want, outcome).run()
        files.write(File(target="", mode=0o600, content=digest, path=str(target.marker)))
    return outcome


def transition(have: Mapping[str, str | None], want: Mapping[str, str]) -> list[tuple[str, str]]:
    """The files to write, in an order that never leaves a route without its cluster.

    Clusters are added before the routes that need them, and removed after them.
    """
    steps = [
        (config.CLUSTERS, _joined(want[config.CLUSTERS], have.get(config.CLUSTERS))),
        (config.LISTENERS, want[config.LISTENERS]),
        (config.ROUTES, want[config.ROUTES]),
        (config.CLUSTERS, want[config.CLUSTERS]),
    ]
    current = dict(have)
    result = []
    for name, text in steps:
        if current.get(name) != text:
            result.append((name, text))
            current[name] = text
    return result


def _joined(wanted: str, running: str | None) -> str:
    try:
        return config.with_clusters_of(wanted, running) if running else wanted
    except (ValueError, KeyError, TypeError):
        return wanted  # the file was edited by hand, so the clusters that Envoy uses are unknown


@dataclass
class _Change:
    """A change of the files of a gateway, running or not. rejected: updates that Envoy rejected before this change."""

    client: APIClient
    target: Target
    have: Mapping[str, str | None]
    want: Mapping[str, str]
    outcome: Outcome
    rejected: Mapping[str, int] = field(default_factory=dict)

    def run(self) -> None:
        self._make_folder()
        if not envoy.runs(self.client, self.target.container, self.target.image):
            self._write_all()
            return
        state = envoy.query(self.client, self.target.container)
        self.rejected = state.rejected
        steps = transition(self.have, self.want)
        if not steps and any(state.versions[name] != config.version(text) for name, text in self.want.items()):
            steps = list(self.want.items())  # an earlier run was interrupted before Envoy loaded them
        try:
            for name, text in steps:
                begun = time.time()
                self._write(name, text)
                self._await(name, text, begun)
        except UnnoticedError:
            self._restart()
        except envoy.EnvoyError:
            self._roll_back()
            raise
        self.outcome.live = True

    def _await(self, name: str, text: str, begun: float) -> None:
        deadline = time.monotonic() + self.target.notice
        while True:
            state = envoy.query(self.client, self.target.container)
            if state.versions[name] == config.version(text) and not state.warming:
                return
            if state.rejected[name] > self.rejected[name]:
                reason = envoy.rejection(self.client, self.target.container, begun)
                raise envoy.EnvoyError(
                    f"container {self.target.container}: Envoy rejects the new {name}; the previous configuration "
                    f"stays in use: {reason}"
                )
            if time.monotonic() > deadline:
                if state.warming:
                    raise envoy.EnvoyError(
                        f"container {self.target.container}: Envoy loaded {name}, but did not get ready within "
                        f"{self.target.notice:g} s; the previous configuration was restored."
                    )
                raise UnnoticedError(name)
            time.sleep(PAUSE)

    def _restart(self) -> None:
        """Some file systems report no rename to Envoy, but it reads the files when it starts."""
        self._write_all()
        self.outcome.warnings.append(
            f"The container {self.target.container} was restarted, because it did not detect the new configuration. "
            "This happens if the engine runs in a virtual machine. Open connections were closed."
        )
        envoy.restart(self.client, self.target.container)
        self.rejected = dict.fromkeys(config.FILES, 0)
        for name, text in self.want.items():
            self._await(name, text, time.time())

    def _roll_back(self) -> None:
        """Restore the previous files in reverse order, so that a restart loads what runs now."""
        for name in reversed(config.FILES):
            previous = self.have[name]
            if previous is None:
                (self.target.folder / name).unlink(missing_ok=True)
            elif _read(self.target.folder / name) != previous:
                self._write(name, previous)

    def _make_folder(self) -> None:
        folder = self.target.folder
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        folder.chmod(FOLDER_MODE)

    def _write_all(self) -> None:
        for name, text in self.want.items():
            self._write(name, text)

    def _write(self, name: str, text: str) -> None:
        files.write(_file(self.target, name, text))


def _file(target: Target, name: str, text: str) -> File:
    return File(target="", content=text, path=str(target.folder / name))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _digest(gateway: Gateway, image: str, want: Mapping[str, str]) -> str:
    """Content of the marker after this configuration was validated with this image."""
    document = [image, config.bootstrap(gateway), want]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest() + "\n"
