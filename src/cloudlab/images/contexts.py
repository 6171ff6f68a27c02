"""The build contexts under files/images/, and their tags, which are hashes of their content.

A context is a folder with a Dockerfile, or with a file `suite`: a base system, built by files/images/rootfs.sh. A line
`ARG NAME=cloudlab/<context>` before the first FROM of a Dockerfile names a parent.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import re
import stat
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = "cloudlab"
CA_BUNDLE = "ca-bundle.crt"  # added to every context that is sent; see `trust`
ROOTFS_SCRIPT = "rootfs.sh"
HASH_LENGTH = 12
_PARENT = re.compile(rf"^ARG\s+(\w+)={REPOSITORY}/([a-z0-9-]+)\s*$")


class ContextError(ValueError):
    """A build context is missing or malformed. The message names the file and the fix."""


@dataclass(frozen=True)
class Context:
    """One build context, read and hashed."""

    name: str
    folder: Path
    suite: str = ""  # of a base system; empty for a Dockerfile
    parents: Mapping[str, str] = field(default_factory=dict)  # build argument -> name of the parent context
    tag: str = ""

    @property
    def reference(self) -> str:
        """The image's name, for example cloudlab/postgres:0123456789ab."""
        return f"{REPOSITORY}/{self.name}:{self.tag}"


def load(root: Path, names: Iterable[str]) -> dict[str, Context]:
    """The contexts `names` and all their ancestors, parents before children.

    :param root: the folder files/images. Raises ContextError.
    """
    contexts: dict[str, Context] = {}
    for name in names:
        _load(root, name, contexts, ())
    return contexts


def _load(root: Path, name: str, contexts: dict[str, Context], path: tuple[str, ...]) -> None:
    if name in path:
        raise ContextError(f"{root}: images are each other's parents: {' -> '.join((*path, name))}.")
    if name in contexts:
        return
    folder = root / name
    suite_file, dockerfile = folder / "suite", folder / "Dockerfile"
    if suite_file.is_file():
        suite, parents = suite_file.read_text(encoding="ascii").strip(), {}
    elif dockerfile.is_file():
        suite, parents = "", _parents(dockerfile)
    else:
        raise ContextError(
            f"{folder} is not a build context: it has neither a Dockerfile nor a file `suite`. "
            f"Create it, or correct `context: {name}` in the catalogue's images."
        )
    for parent in parents.values():
        _load(root, parent, contexts, (*path, name))
    digest = hashlib.sha256()
    for relative, file in files(folder):
        _feed(digest, relative, file)
    if suite:
        _feed(digest, ROOTFS_SCRIPT, root / ROOTFS_SCRIPT)
    for argument, parent in sorted(parents.items()):
        _feed_text(digest, f"{argument}={contexts[parent].reference}")
    contexts[name] = Context(name, folder, suite, parents, digest.hexdigest()[:HASH_LENGTH])


def _parents(dockerfile: Path) -> dict[str, str]:
    """Build argument -> parent context, from the lines before the first FROM."""
    parents = {}
    for line in dockerfile.read_text(encoding="utf-8").splitlines():
        if line.upper().startswith("FROM "):
            break
        if found := _PARENT.match(line):
            parents[found[1]] = found[2]
    return parents


def files(folder: Path) -> list[tuple[str, Path]]:
    """Every file of the folder with its path in it, in an order that does not depend on the file system."""
    found = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if not path.is_dir())
    if any(relative == CA_BUNDLE for relative, _ in found):
        raise ContextError(f"{folder / CA_BUNDLE}: this name is reserved for the host's certificates. Rename the file.")
    return found


def _feed(digest: hashlib._Hash, relative: str, file: Path) -> None:
    """Hash name, executable bit and content, which are the same in every checkout."""
    _feed_text(digest, f"{relative} {mode(file):o}")
    content = file.read_bytes()
    _feed_text(digest, str(len(content)))
    digest.update(content)


def _feed_text(digest: hashlib._Hash, text: str) -> None:
    digest.update(text.encode() + b"\0")


def mode(file: Path) -> int:
    """The mode of a file as git keeps it: executable or not."""
    return 0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644


def archive(files: Iterable[tuple[str, Path]], ca_bundle: bytes) -> bytes:
    """The files by their path in the context, as a tar archive without the owners and times of this host."""
    context = ((relative, file.read_bytes(), mode(file)) for relative, file in sorted(files))
    return tar(itertools.chain(context, [(CA_BUNDLE, ca_bundle, 0o644)]))


def tar(files: Iterable[tuple[str, bytes, int]]) -> bytes:
    """A tar archive of files: name, content and mode of each."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content, permissions in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), permissions
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
