"""Configuration files of containers: placed, rendered, compared with the disk, written atomically.

They are written to `<directory>/config/<container without its instance>/` and mounted one by one. A running container
keeps the file it was started with. A file that differs therefore restarts its container, and is written while the
container is stopped: an interruption never leaves a container running with an outdated file unnoticed.
"""

import dataclasses
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from cloudlab.containers.spec import File, Spec, SpecError
from cloudlab.model.problems import each

MISSING = "is missing"

Render = Callable[[str, str], str]  # (template's name, path of the result) -> text


def prepare(specs: Sequence[Spec], directory: Path, render: Render, planning: bool) -> list[Spec]:
    """Specifications with their files rendered and the digests of the files that they mount from the host.

    planning: in check mode, what an earlier task would have created in `directory` may be missing. Raises SpecError
    for templates that fail and sources that do not exist.
    """
    optional = directory if planning else None
    return each(
        lambda spec: dataclasses.replace(
            spec, files=tuple(_copied(spec, file) for file in spec.files), digests=_digests(spec, optional)
        ),
        rendered(specs, directory, render),
        SpecError,
    )


def rendered(specs: Sequence[Spec], directory: Path, render: Render) -> list[Spec]:
    """Specifications with their files rendered and their paths set; copies have no text yet.

    Raises SpecError for templates that fail.
    """
    return each(
        lambda spec: dataclasses.replace(
            spec, files=tuple(_rendered(spec, file, directory, render) for file in spec.files)
        ),
        specs,
        SpecError,
    )


def _rendered(spec: Spec, file: File, directory: Path, render: Render) -> File:
    file_name = unique_name(file.target, [other.target for other in spec.files])
    path = str(directory / "config" / spec.name.removeprefix(f"{spec.instance}-") / file_name)
    if not file.src:
        return dataclasses.replace(file, path=path)
    try:
        return dataclasses.replace(file, path=path, content=render(file.src, path))
    except Exception as error:  # a template may raise anything; the message names it
        raise SpecError([f"{spec.name}: files: {file.src}: {error}"]) from error


def _copied(spec: Spec, file: File) -> File:
    """The file with the text of its original, in any encoding."""
    if not file.copy:
        return file
    try:
        return dataclasses.replace(file, content=Path(file.copy).read_bytes().decode(errors="surrogateescape"))
    except OSError as error:
        raise SpecError([f"{spec.name}: files: {file.copy} cannot be read: {error.strerror}"]) from None


def unique_name(target: str, targets: Sequence[str]) -> str:
    """The name of a file, or its whole path with dashes where the container has several files of this name."""
    names = [os.path.basename(other) for other in targets]
    base = os.path.basename(target)
    return base if names.count(base) == 1 else target.strip("/").replace("/", "-")


def _digests(spec: Spec, optional: Path | None) -> dict[str, str]:
    """The SHA-256 of each regular file that is mounted read-only. Folders and writable files are not compared."""
    digests, problems = {}, []
    for mount in spec.options["mounts"]:
        if mount["type"] != "bind" or mount.get("on_engine"):
            continue
        source = Path(mount["source"])
        try:
            if mount["read_only"] and source.is_file():
                digests[str(source)] = hashlib.sha256(source.read_bytes()).hexdigest()
            elif not source.exists() and not (optional and source.is_relative_to(optional)):
                problems.append(
                    f"{spec.name}: mounts: the source {source} does not exist; create it or correct the path"
                )
        except OSError as error:
            problems.append(f"{spec.name}: mounts: the source {source} cannot be read: {error.strerror}")
    if problems:
        raise SpecError(problems)
    return digests


def current(file: File) -> bytes | None:
    """The content on disk, or None when there is no such file or it cannot be read."""
    try:
        return Path(file.path).read_bytes()
    except OSError:
        return None


def difference(file: File) -> str:
    """How the file on disk differs from the specified one; empty when it does not."""
    try:
        found = os.lstat(file.path)
    except FileNotFoundError:
        return MISSING
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file"
    if current(file) != file.octets:
        return "has other content"
    if stat.S_IMODE(found.st_mode) != file.mode:
        return f"has mode {stat.S_IMODE(found.st_mode):04o} instead of {file.mode:04o}"
    return ""


def write(file: File) -> None:
    """Replace the file atomically."""
    path = Path(file.path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        path.rmdir()  # the engine creates an empty folder for a missing file; one with content is kept
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)  # left by an interrupted run, perhaps with a mode that forbids writing
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(file.octets)
        stream.flush()
        os.fchmod(stream.fileno(), file.mode)
        os.fsync(stream.fileno())
    os.replace(draft, path)
