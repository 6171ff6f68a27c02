"""Builds an image from its context. It is tagged last, so that every tagged image is complete."""

import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError, DockerException

from cloudlab.images import contexts
from cloudlab.images.contexts import ROOTFS_SCRIPT, Context

BASE_TOOL = "mmdebstrap"
TAIL_LINES = 15
SILENCE_SECONDS = 900  # a download in a build step prints nothing until it ends
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STEP = re.compile(r"^Step (\d+/\d+) :")
_LAYER = re.compile(r"^ ---> ([0-9a-f]{12})$")


class BuildError(Exception):
    """An image could not be built. The message names it, the cause, and the log file."""


class StepError(Exception):
    """A step failed; the message says why."""


FAULTS = (StepError, requests.exceptions.RequestException, urllib3.exceptions.HTTPError, DockerException)


def no_base_reason() -> str:
    """Why base systems cannot be built on this host; empty when they can."""
    if not sys.platform.startswith("linux"):
        return "that needs Linux with mmdebstrap; on this system images come from a registry only"
    if not shutil.which(BASE_TOOL):
        return f"`{BASE_TOOL}` is not installed (Debian, Ubuntu: apt-get install mmdebstrap debian-archive-keyring)"
    return ""


class Builder:
    """Builds contexts on one engine.

    :param logs: folder that gets build-<context>.log.
    :param ca_bundle: the host's certificates, sent with every context.
    :param arguments: build arguments for all, for example proxies.
    """

    def __init__(self, client: APIClient, logs: Path, ca_bundle: bytes, arguments: Mapping[str, str]):
        self._client, self._logs, self._ca_bundle, self._arguments = client, logs, ca_bundle, arguments

    def build(self, context: Context, known: Mapping[str, Context], report: Callable[[str], None]) -> str:
        """Build and tag one image, return its id. Its parents are present.

        :param known: contexts by name, the parents among them.
        :param report: called with the progress, for example "step 3/7".
        """
        path = self._logs / f"build-{context.name}.log"
        self._logs.mkdir(parents=True, exist_ok=True)
        with path.open("w+", encoding="utf-8", buffering=1) as log:
            try:
                image = self._base(context, log, report) if context.suite else self._image(context, known, log, report)
                name, _, tag = context.reference.rpartition(":")
                self._client.tag(image, name, tag)
            except FAULTS as error:
                raise BuildError(_message(context, _cause(error), log, path)) from None
        return image

    def _base(self, context: Context, log: IO[str], report: Callable[[str], None]) -> str:
        """A base system, imported only when it is complete."""
        report(f"{BASE_TOOL} {context.suite}")
        with tempfile.TemporaryFile(dir=self._logs) as archive:
            command = [str(context.folder.parent / ROOTFS_SCRIPT), context.suite]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=archive, stderr=log, check=False)
            if done.returncode:
                raise StepError(f"{ROOTFS_SCRIPT} {context.suite} ended with status {done.returncode}")
            archive.seek(0)
            report("import")
            return _imported(self._client, archive)

    def _image(
        self, context: Context, known: Mapping[str, Context], log: IO[str], report: Callable[[str], None]
    ) -> str:
        """An image from a Dockerfile, by the engine's classic builder."""
        parents = {argument: known[parent].reference for argument, parent in context.parents.items()}
        archive = contexts.archive(contexts.files(context.folder), self._ca_bundle)
        image, layers = "", []
        for event in stream(self._client, archive, {**self._arguments, **parents}):
            image = event.get("aux", {}).get("ID", image)
            line = event["stream"]
            log.write(line)
            if step := _STEP.match(line):
                report(f"step {step[1]}")
            elif layer := _LAYER.match(line):
                layers.append(layer[1])
        if not image:
            raise StepError("the engine named no image at the end of the build")
        self._remove_stages(image, layers)
        return image

    def _remove_stages(self, image: str, layers: list[str]) -> None:
        """Remove the layers of temporary stages, whose downloads are several times as large as the image.

        The engine keeps every layer that something else is based on, so nothing but leftovers of this build can go.
        """
        kept = {layer["Id"].removeprefix("sha256:")[:12] for layer in self._client.history(image)}
        for layer in reversed(layers):
            if layer not in kept and not self._tagged(layer):
                remove(self._client, layer)

    def _tagged(self, layer: str) -> bool:
        try:
            return bool(self._client.inspect_image(layer)["RepoTags"])
        except APIError as error:
            if error.status_code == 404:
                return True  # gone: nothing left to remove
            raise


def stream(client: APIClient, archive: bytes, arguments: Mapping[str, str], **options: Any) -> Iterator[dict[str, Any]]:
    """Build with the engine's classic builder: its events, each with a `stream` without colours. Raises StepError."""
    events = client.build(
        fileobj=io.BytesIO(archive),
        custom_context=True,
        buildargs=dict(arguments),
        rm=True,
        forcerm=True,
        decode=True,
        timeout=SILENCE_SECONDS,
        **options,
    )
    for event in events:
        if "error" in event:
            raise StepError(_COLOUR.sub("", event["error"]).strip())
        yield event | {"stream": _COLOUR.sub("", event.get("stream", ""))}


def remove(client: APIClient, image: str) -> None:
    """Remove an image unless it is in use, or gone with its child."""
    try:
        client.remove_image(image)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise


def _imported(client: APIClient, archive: IO[bytes]) -> str:
    """Import a tar archive as an untagged image, return its id."""
    last = json.loads(client.import_image(src=archive).strip().splitlines()[-1])
    if "error" in last:
        raise StepError(f"the engine did not accept the archive: {last['error']}")
    return last["status"]


def _cause(error: Exception) -> str:
    # While a stream is read, a timeout is a ConnectionError around urllib3's error.
    if "Read timed out" in str(error):
        return f"its build printed nothing for {SILENCE_SECONDS // 60} minutes; the next run repeats the step"
    return getattr(error, "explanation", "") or str(error)


def _message(context: Context, text: str, log: IO[str], path: Path) -> str:
    log.flush()
    log.seek(0)
    tail = [line.rstrip() for line in log.readlines() if line.strip()][-TAIL_LINES:]
    lines = "\n".join(f"    {line}" for line in tail)
    return f"The image {context.reference} could not be built: {text}. Its last log lines ({path} has all):\n{lines}"
