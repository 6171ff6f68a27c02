"""Images of services: their tags, and their builds from programs that the builder has compiled.

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

from cloudlab.engine.listing import file_content
from cloudlab.images import build as image_builds
from cloudlab.images import contexts, converge
from cloudlab.model.platform import DESCRIPTION
from cloudlab.services.builder import ARTIFACTS

# Neither sources nor data of a program: a change in them is no reason to build.
EXCLUDED = ["**/.git", "**/.hg", "**/.svn", "**/node_modules", "**/.cloudlab", "**/.venv", "**/*_test.go", DESCRIPTION]
DOCKERFILE = "program.Dockerfile"


@dataclass(frozen=True)
class Sources:
    """What the images of a platform's services are built from: files by a name that is the same on every host."""

    files: Mapping[str, Path]

    @property
    def digest(self) -> str:
        """A hash of names, modes and contents."""
        digest = hashlib.sha256()
        for name, path in sorted(self.files.items()):
            content = path.read_bytes()
            digest.update(f"{name}\0{contexts.mode(path):o}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def below(self, folder: str) -> dict[str, Path]:
        """The files of the platform below one of its folders, by their path in the platform."""
        normal = posixpath.normpath(folder)
        prefix = "src/" if normal == "." else f"src/{normal}/"
        return {name.removeprefix("src/"): path for name, path in self.files.items() if name.startswith(prefix)}


def gather(platform: Path, reload: Path, recipe: Path) -> Sources:
    """The sources of a platform without ignored files, those of the health probe, and the Dockerfile.

    :param recipe: folder with the Dockerfile.
    """
    ignored = platform / ".dockerignore"
    patterns = ignored.read_text(encoding="utf-8").splitlines() if ignored.is_file() else []
    patterns = [line.strip() for line in patterns if line.strip() and not line.startswith("#")]
    files = {"Dockerfile": recipe / DOCKERFILE}
    for name in exclude_paths(str(platform), [*EXCLUDED, *patterns]):
        path = platform / name
        if path.is_file():
            files[f"src/{Path(name).as_posix()}"] = path
    for path in [*reload.rglob("*.go"), reload / "go.mod"]:
        if not path.name.endswith("_test.go"):
            files[f"reload/{path.relative_to(reload).as_posix()}"] = path
    return Sources(files)


def arguments(
    names: Iterable[str], catalogue: Mapping[str, Any], toolchain: str, runtime: str
) -> dict[str, dict[str, str]]:
    """Service -> what determines its image besides the sources: build arguments of the Dockerfile."""
    return {name: {"TOOLCHAIN": toolchain, "RUNTIME": runtime, **_own(catalogue[name])} for name in names}


def packages(entries: Iterable[Mapping[str, Any]]) -> str:
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
    builder: str,
    sources: Sources,
    images: Mapping[str, str],
    built: Mapping[str, Mapping[str, str]],
    report: Callable[[str], None],
) -> dict[str, str]:
    """Build images of programs that the builder has compiled; return failed service -> cause.

    :param builder: the builder's container. :param images: service -> name of its image.
    :param built: service -> its build arguments, see :func:`arguments`.
    """
    runner = file_content(client, builder, f"{ARTIFACTS}/runner")

    def one(name: str) -> str:
        report(name)
        try:
            program = file_content(client, builder, f"{ARTIFACTS}/services/{name}/program")
            kept = sources.below(built[name]["KEEP"]) if built[name]["KEEP"] else {}
            context = _context(sources.files["Dockerfile"], program, runner, kept)
            for _ in image_builds.stream(client, context, {"RUNTIME": built[name]["RUNTIME"]}, tag=images[name]):
                pass
            _remove_former(client, images[name])
        except image_builds.StepError as error:
            return str(error)
        except (DockerException, requests.exceptions.RequestException) as error:
            return f"the engine reports: {getattr(error, 'explanation', None) or error}"
        return ""

    with ThreadPoolExecutor(converge.BUILDS_AT_ONCE) as pool:
        causes = dict(zip(images, pool.map(one, images), strict=True))
    return {name: cause for name, cause in causes.items() if cause}


def _context(dockerfile: Path, program: bytes, runner: bytes, kept: Mapping[str, Path]) -> bytes:
    """The build context of an image."""
    return contexts.tar(
        [
            ("Dockerfile", dockerfile.read_bytes(), 0o644),
            ("out/cloudlab/service", program, 0o755),
            ("out/cloudlab/bin/runner", runner, 0o755),
            *((f"out/src/{name}", path.read_bytes(), contexts.mode(path)) for name, path in sorted(kept.items())),
        ]
    )


def _remove_former(client: APIClient, reference: str) -> None:
    """Remove the service's former images that no container uses."""
    name, _, _ = reference.rpartition(":")
    for image in client.images(name=name):
        for tag in image.get("RepoTags") or []:
            if tag.startswith(f"{name}:") and tag != reference:
                image_builds.remove(client, tag)
