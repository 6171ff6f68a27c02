"""Bring a configuration into a running gateway: tried out first, without a dropped connection, put back if refused.

The files stand in `<directory>/config/gateway-live/`, which is mounted into the container; Envoy reads them when one is
renamed into place. A mark beside the folder says that exactly these files were proven, so that a run with nothing to do
asks nobody.
"""

from __future__ import annotations

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
MARK = "gateway-live.proven"
FILE_MODE = 0o444
FOLDER_MODE = 0o755  # Envoy's account is not the one that writes
NOTICE_SECONDS = 10.0  # to read a renamed file and prepare what is in it
PAUSE = 0.05


@dataclass(frozen=True)
class Target:
    """Where the configuration goes: the container with its image, and the instance with its directory."""

    instance: str
    directory: Path
    container: str
    image: str
    notice: float = NOTICE_SECONDS

    @property
    def folder(self) -> Path:
        return self.directory / "config" / FOLDER

    @property
    def mark(self) -> Path:
        return self.directory / "config" / MARK


@dataclass
class Outcome:
    """What was done, or in check mode would be: file -> text before (None for none) and after."""

    changed: bool = False
    before: dict[str, str | None] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    live: bool = False  # a running gateway took it over
    warnings: list[str] = field(default_factory=list)


class UnseenError(Exception):
    """Envoy did not notice a file."""


def converge(gateway: Gateway, target: Target, connect: Callable[[], APIClient], check: bool) -> Outcome:
    """Make the gateway's configuration be this one. connect: called only when something is to be done.

    Raises envoy.EnvoyError when Envoy refuses it; then the former one stands and runs.
    """
    want = config.live_files(gateway)
    have = {name: _read(target.folder / name) for name in config.FILES}
    proof = _proof(gateway, target.image, want)
    stale = [name for name in config.FILES if files.difference(_file(target, name, want[name]))]
    if not stale and _read(target.mark) == proof:
        return Outcome()
    outcome = Outcome(bool(stale), {name: have[name] for name in stale}, {name: want[name] for name in stale})
    client = connect()
    if check and not envoy.has_image(client, target.image):
        outcome.warnings.append(f"The image {target.image} is not here yet: the configuration was not tried out.")
        return outcome
    envoy.try_out(client, target.image, target.container, target.instance, config.standalone(gateway))
    if not check:
        _Change(client, target, have, want, outcome).run()
        files.write(File(target="", mode=0o600, secret=False, content=proof, path=str(target.mark)))
    return outcome


def transition(have: Mapping[str, str | None], want: Mapping[str, str]) -> list[tuple[str, str]]:
    """The files to write, in an order in which no request meets a route without its cluster.

    Clusters come before the routes that need them, and go after the routes that needed them.
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
        return wanted  # somebody altered the file by hand; what Envoy has of it is not known


class _Change:
    """One change of the files under a gateway that runs, or before it does."""

    def __init__(
        self,
        client: APIClient,
        target: Target,
        have: Mapping[str, str | None],
        want: Mapping[str, str],
        outcome: Outcome,
    ):
        self.client, self.target, self.have, self.want, self.outcome = client, target, have, want, outcome
        self.refused: Mapping[str, int] = {}  # how many updates Envoy had refused before this change

    def run(self) -> None:
        self._make_folder()
        if not envoy.runs(self.client, self.target.container, self.target.image):
            for name, text in self.want.items():
                self._write(name, text)
            return
        state = envoy.ask(self.client, self.target.container)
        self.refused = state.refused
        steps = transition(self.have, self.want)
        if not steps and any(state.versions[name] != config.version(text) for name, text in self.want.items()):
            steps = list(self.want.items())  # an earlier run was interrupted before Envoy had taken them
        try:
            for name, text in steps:
                self._bring(name, text)
        except UnseenError:
            self._restart()
        except envoy.EnvoyError:
            self._put_back()
            raise
        self.outcome.live = True

    def _bring(self, name: str, text: str) -> None:
        """Write one file and wait until Envoy works with it."""
        begun = time.time()
        self._write(name, text)
        self._await(name, text, begun)

    def _await(self, name: str, text: str, begun: float) -> None:
        deadline = time.monotonic() + self.target.notice
        while True:
            state = envoy.ask(self.client, self.target.container)
            if state.versions[name] == config.version(text) and not state.warming:
                return
            if state.refused[name] > self.refused[name]:
                words = envoy.refusal(self.client, self.target.container, begun)
                raise envoy.EnvoyError(
                    f"container {self.target.container}: Envoy refuses the new {name}; the former configuration stands "
                    f"and runs. It says: {words}"
                )
            if time.monotonic() > deadline:
                if state.warming:
                    raise envoy.EnvoyError(
                        f"container {self.target.container}: Envoy took {name}, but was not ready to use it within "
                        f"{self.target.notice:g} s; the former configuration was put back"
                    )
                raise UnseenError(name)
            time.sleep(PAUSE)

    def _restart(self) -> None:
        """Some file systems tell nobody of a rename; a start reads the files in any case."""
        for name, text in self.want.items():
            self._write(name, text)
        self.outcome.warnings.append(
            f"The container {self.target.container} was restarted: it did not notice the new configuration by itself, "
            "as happens where the engine runs in a virtual machine. Open connections were closed."
        )
        envoy.restart(self.client, self.target.container)
        self.refused = dict.fromkeys(config.FILES, 0)
        for name, text in self.want.items():
            self._await(name, text, time.time())

    def _put_back(self) -> None:
        """The former files, so that a restart finds what runs now. In reverse: routes before the clusters they need."""
        for name in reversed(config.FILES):
            former = self.have[name]
            if former is None:
                (self.target.folder / name).unlink(missing_ok=True)
            elif _read(self.target.folder / name) != former:
                self._write(name, former)

    def _make_folder(self) -> None:
        folder = self.target.folder
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        folder.chmod(FOLDER_MODE)

    def _write(self, name: str, text: str) -> None:
        files.write(_file(self.target, name, text))


def _file(target: Target, name: str, text: str) -> File:
    return File(target="", mode=FILE_MODE, secret=False, content=text, path=str(target.folder / name))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _proof(gateway: Gateway, image: str, want: Mapping[str, str]) -> str:
    """What the mark holds when this configuration was proven with this image."""
    document = [image, config.bootstrap(gateway), want]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest() + "\n"
