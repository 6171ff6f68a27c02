"""An image for each service: what goes into its build, the tag that follows from that, and the build.

A tag is a hash over everything that the image is made of, so nothing is built while nothing changed.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from docker import APIClient
from docker.errors import APIError, DockerException
from docker.utils.build import exclude_paths

from cloudlab.images import contexts
from cloudlab.model.platform import DESCRIPTION
from cloudlab.services.base import source_path
from cloudlab.services.specs import health_address

BUILDS_AT_ONCE = 2
SILENCE_SECONDS = 900
HASH_LENGTH = 12
TAIL_LINES = 25
# Neither sources of a program nor what it reads: a change in them is no reason to compile.
EXCLUDED = ["**/.git", "**/.hg", "**/.svn", "**/node_modules", "**/.cloudlab", "**/.venv", "**/*_test.go", DESCRIPTION]
MODULE_FILES = ("go.mod", "go.sum", "go.work", "go.work.sum")
# How go describes the end of a compiler that the kernel ended. An image is built under no limit but the engine's own.
_KILLED = "signal: killed"
OUT_OF_MEMORY = (
    "the engine ran out of memory while it compiled. "
    "Give the engine more memory, then run ansible-playbook playbooks/dev.yml."
)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class ServiceImageError(Exception):
    """A service's image could not be built; the message is the compiler's or the engine's."""


@dataclass(frozen=True)
class Sources:
    """What all services of a platform are built from: files by their path in the context."""

    files: Mapping[str, Path]

    @property
    def digest(self) -> str:
        """A hash over names, modes and contents."""
        digest = hashlib.sha256()
        for name, path in sorted(self.files.items()):
            content = path.read_bytes()
            digest.update(f"{name}\0{_mode(path):o}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


def gather(platform: Path, reload: Path, recipe: Path) -> Sources:
    """The build context of a platform: its checkout without what its .dockerignore names, the probe, and the recipe.

    :param recipe: folder with the Dockerfile and build.sh.
    """
    ignored = platform / ".dockerignore"
    patterns = ignored.read_text(encoding="utf-8").splitlines() if ignored.is_file() else []
    patterns = [line.strip() for line in patterns if line.strip() and not line.startswith("#")]
    files = {name: recipe / name for name in ("Dockerfile", "build.sh")}
    for name in exclude_paths(str(platform), [*EXCLUDED, *patterns]):
        path = platform / name
        if path.is_file():
            files[f"src/{Path(name).as_posix()}"] = path
            if path.name in MODULE_FILES:
                files[f"modules/{Path(name).as_posix()}"] = path
    for path in [*reload.rglob("*.go"), reload / "go.mod"]:
        if not path.name.endswith("_test.go"):
            files[f"reload/{path.relative_to(reload).as_posix()}"] = path
    return Sources(files)


def archive(sources: Sources, ca_bundle: bytes) -> bytes:
    """The context as the engine's builder takes it. Owners and times of the host are left out."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, path in sorted(sources.files.items()):
            _add(tar, name, path.read_bytes(), _mode(path))
        _add(tar, contexts.CA_BUNDLE, ca_bundle, 0o644)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def _mode(path: Path) -> int:
    return 0o755 if os.access(path, os.X_OK) else 0o644


def arguments(
    names: Iterable[str], catalogue: Mapping[str, Any], toolchain: str, runtime: str
) -> dict[str, dict[str, str]]:
    """Service -> build arguments of the Dockerfile."""
    names = list(names)
    packages = _packages(catalogue[name] for name in names)
    return {
        name: {"TOOLCHAIN": toolchain, "RUNTIME": runtime, "PACKAGES": packages, **_own(catalogue[name])}
        for name in names
    }


def _packages(entries: Iterable[Mapping[str, Any]]) -> str:
    """What all services together compile, a line per module and tags: "module|tags|main main"."""
    mains: dict[tuple[str, str], set[str]] = {}
    for entry in entries:
        go = entry["go"]
        mains.setdefault((go["module"], ",".join(sorted(go["tags"]))), set()).add(_package(go["main"]))
    return "\n".join(f"{module}|{tags}|{' '.join(sorted(found))}" for (module, tags), found in sorted(mains.items()))


def _own(entry: Mapping[str, Any]) -> dict[str, str]:
    go = entry["go"]
    kept = posixpath.normpath(go["working_dir"])
    return {
        "MODULE": go["module"],
        "MAIN": _package(go["main"]),
        "TAGS": ",".join(sorted(go["tags"])),
        # The module's own folder is where a program runs that reads nothing; another one was named for what is in it.
        "KEEP": "" if kept == posixpath.normpath(go["module"]) else kept,
        "WORKING_DIR": source_path(go["working_dir"]),
        "HEALTH": health_address(entry.get("health", {"none": True}), entry.get("ports", []), False),
    }


def _package(main: str) -> str:
    return f"./{posixpath.normpath(main)}"


def references(instance: str, sources: Sources, built: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Service -> name of its image, which says what it is made of."""
    digest = sources.digest
    return {
        name: f"{repository(instance, name)}:{_hash(digest, [f'{key}={value}' for key, value in sorted(own.items())])}"
        for name, own in built.items()
    }


def repository(instance: str, name: str) -> str:
    """The name of a service's images without tag."""
    return f"{contexts.REPOSITORY}/{instance}-{name}"


def _hash(digest: str, parts: list[str]) -> str:
    return hashlib.sha256("\0".join([digest, *parts]).encode()).hexdigest()[:HASH_LENGTH]


def missing(client: APIClient, wanted: Mapping[str, str]) -> list[str]:
    """The services whose image the engine does not have."""
    present = {tag for image in client.images() for tag in image.get("RepoTags") or []}
    return [name for name, reference in wanted.items() if reference not in present]


def build(
    client: APIClient,
    names: list[str],
    wanted: Mapping[str, str],
    built: Mapping[str, Mapping[str, str]],
    context: bytes,
    proxies: Mapping[str, str],
    report: Callable[[str], None],
) -> dict[str, str]:
    """Build the images of `names`; return service -> why it could not be built, for those that could not.

    The first one is built alone: what all have in common is then there for the others.
    """

    def one(name: str) -> str:
        report(name)
        try:
            _build(client, wanted[name], {**proxies, **built[name]}, context)
            _forget(client, wanted[name])
        except ServiceImageError as error:
            return str(error)
        except (DockerException, requests.exceptions.RequestException) as error:
            return f"the engine says: {getattr(error, 'explanation', None) or error}"
        return ""

    with ThreadPoolExecutor(BUILDS_AT_ONCE) as pool:
        causes = dict(zip(names, [*map(one, names[:1]), *pool.map(one, names[1:])], strict=True))
    return {name: cause for name, cause in causes.items() if cause}


def _build(client: APIClient, reference: str, own: Mapping[str, str], context: bytes) -> None:
    lines: list[str] = []
    events = client.build(
        fileobj=io.BytesIO(context), custom_context=True, tag=reference, buildargs=dict(own), rm=True, forcerm=True,
        decode=True, timeout=SILENCE_SECONDS,
    )  # fmt: skip
    for event in events:
        if "error" in event:
            said = "\n".join(_said(lines)) or event["error"].strip()
            raise ServiceImageError(f"{OUT_OF_MEMORY}\n{said}" if _KILLED in said else said)
        if "stream" in event:
            lines += _ESCAPES.sub("", event["stream"]).splitlines()


def _said(lines: list[str]) -> list[str]:
    """The end of the output of the step that failed."""
    start = max((number for number, line in enumerate(lines) if line.startswith("Step ")), default=-1)
    own = [
        line for line in lines[start + 1 :] if line.strip() and not line.startswith((" --->", "Removing intermediate"))
    ]
    return own[-TAIL_LINES:]


def _forget(client: APIClient, reference: str) -> None:
    """Remove the service's former images; one that a container still runs is removed another time."""
    name, _, _ = reference.rpartition(":")
    for image in client.images(name=name):
        for tag in image.get("RepoTags") or []:
            if tag.startswith(f"{name}:") and tag != reference:
                try:
                    client.remove_image(tag)
                except APIError as error:
                    if error.status_code not in (404, 409):
                        raise
