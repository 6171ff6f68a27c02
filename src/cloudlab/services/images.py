"""Images of services: their build contexts, tags and builds.

A tag is a hash of everything that is in the image, so an image is only built when something changed.
"""

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from docker import APIClient
from docker.errors import DockerException
from docker.utils.build import exclude_paths

from cloudlab.images import build as image_builds
from cloudlab.images import contexts, converge
from cloudlab.model.platform import DESCRIPTION
from cloudlab.services.base import source_path
from cloudlab.services.specs import health_address

TAIL_LINES = 25
# Neither sources nor data of a program: a change in them is no reason to build.
EXCLUDED = ["**/.git", "**/.hg", "**/.svn", "**/node_modules", "**/.cloudlab", "**/.venv", "**/*_test.go", DESCRIPTION]
MODULE_FILES = ("go.mod", "go.sum", "go.work", "go.work.sum")
# What go prints when the kernel has killed a compiler. A build has no memory limit besides the engine's own.
_KILLED = "signal: killed"
OUT_OF_MEMORY = (
    "the engine ran out of memory while it compiled. "
    "Give the engine more memory, then run ansible-playbook playbooks/dev.yml."
)


@dataclass(frozen=True)
class Sources:
    """The sources of all services of a platform: files by their path in the build context."""

    files: Mapping[str, Path]

    @property
    def digest(self) -> str:
        """A hash of names, modes and contents."""
        digest = hashlib.sha256()
        for name, path in sorted(self.files.items()):
            content = path.read_bytes()
            digest.update(f"{name}\0{contexts.mode(path):o}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


def gather(platform: Path, reload: Path, recipe: Path) -> Sources:
    """The build context of a platform: its checkout without ignored files, the health probe, and the recipe.

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
    """The packages of all services, a line per module and tags: "module|tags|main main"."""
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
        # The module's folder is the default for programs without data; any other folder is kept for its content.
        "KEEP": "" if kept == posixpath.normpath(go["module"]) else kept,
        "WORKING_DIR": source_path(go["working_dir"]),
        "HEALTH": health_address(entry.get("health", {"none": True}), entry.get("ports", []), False),
    }


def _package(main: str) -> str:
    return f"./{posixpath.normpath(main)}"


def references(instance: str, sources: Sources, built: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Service -> name of its image, tagged by a hash of its content."""
    digest = sources.digest
    found = {}
    for name, own in built.items():
        content = "\0".join([digest, *(f"{key}={value}" for key, value in sorted(own.items()))])
        tag = hashlib.sha256(content.encode()).hexdigest()[: contexts.HASH_LENGTH]
        found[name] = f"{repository(instance, name)}:{tag}"
    return found


def repository(instance: str, name: str) -> str:
    """The name of a service's images without tag."""
    return f"{contexts.REPOSITORY}/{instance}-{name}"


def build(
    client: APIClient,
    names: list[str],
    references: Mapping[str, str],
    built: Mapping[str, Mapping[str, str]],
    context: bytes,
    proxies: Mapping[str, str],
    report: Callable[[str], None],
) -> dict[str, str]:
    """Build the images of `names`; return failed service -> cause.

    The first one is built alone: the others then reuse the layers that all have in common.
    """

    def one(name: str) -> str:
        report(name)
        try:
            _build(client, references[name], {**proxies, **built[name]}, context)
            _remove_former(client, references[name])
        except image_builds.StepError as error:
            return str(error)
        except (DockerException, requests.exceptions.RequestException) as error:
            return f"the engine reports: {getattr(error, 'explanation', None) or error}"
        return ""

    with ThreadPoolExecutor(converge.BUILDS_AT_ONCE) as pool:
        causes = dict(zip(names, [*map(one, names[:1]), *pool.map(one, names[1:])], strict=True))
    return {name: cause for name, cause in causes.items() if cause}


def _build(client: APIClient, reference: str, own: Mapping[str, str], context: bytes) -> None:
    lines: list[str] = []
    try:
        for event in image_builds.stream(client, context, own, tag=reference):
            lines += event["stream"].splitlines()
    except image_builds.StepError as error:
        output = "\n".join(_failed_step(lines)) or str(error)
        raise image_builds.StepError(f"{OUT_OF_MEMORY}\n{output}" if _KILLED in output else output) from None


def _failed_step(lines: list[str]) -> list[str]:
    """The end of the output of the step that failed."""
    start = max((number for number, line in enumerate(lines) if line.startswith("Step ")), default=-1)
    own = [
        line for line in lines[start + 1 :] if line.strip() and not line.startswith((" --->", "Removing intermediate"))
    ]
    return own[-TAIL_LINES:]


def _remove_former(client: APIClient, reference: str) -> None:
    """Remove the service's former images that no container uses."""
    name, _, _ = reference.rpartition(":")
    for image in client.images(name=name):
        for tag in image.get("RepoTags") or []:
            if tag.startswith(f"{name}:") and tag != reference:
                image_builds.remove(client, tag)
