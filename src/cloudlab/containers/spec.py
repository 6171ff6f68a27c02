"""Specifications: the desired state of containers, in normal form; `declaration` reads them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudlab.containers.options import ADJUSTABLE, DEFAULTS, MOUNT_DEFAULTS
from cloudlab.model.environment import LABEL_COMPONENT, LABEL_INSTANCE
from cloudlab.model.problems import ProblemsError

LABEL_CONTAINER = "cloudlab.container"  # the name that it was created with, to recognize a renamed container
LABEL_HASH = "cloudlab.spec"
HASH_FORMAT = 1  # raised to recreate every container, even of an unchanged specification

# What is added to a container's name until it has replaced its predecessor.
SUCCESSOR = ".next"


class SpecError(ProblemsError):
    """The mistakes in a list of specifications, one line each."""


@dataclass(frozen=True)
class File:
    """A configuration file: its text (once rendered), its path on the host, and its path in the container.

    src: the template of its text. copy: the file of this machine that has its text. Both empty: the specification has
    its text.
    """

    target: str
    mode: int = 0o444
    secret: bool = False
    src: str = ""
    content: str = ""
    copy: str = ""
    path: str = ""

    @property
    def octets(self) -> bytes:
        """Its text as it is written to disk. A copy may hold any bytes; see files.prepare."""
        return self.content.encode(errors="surrogateescape")

    @property
    def digest(self) -> str:
        """The SHA-256 of its text."""
        return hashlib.sha256(self.octets).hexdigest()


@dataclass(frozen=True)
class Spec:
    """The desired state of one container.

    options: every option of OPTIONS in its normal form (sizes in bytes, cpus in billionths, durations in nanoseconds).
    needs: components that start first. secret_env: variables to hide besides those whose names look secret.
    digests: source of each file of the host that is bind-mounted read-only -> its SHA-256.
    """

    name: str
    component: str
    instance: str
    image: str
    options: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    secret_env: frozenset[str] = frozenset()
    files: tuple[File, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def mounts(self) -> list[dict[str, Any]]:
        """Its own mounts and those of its files."""
        return self.mounts_with({file.target: file.path for file in self.files})

    def mounts_with(self, files: Mapping[str, str]) -> list[dict[str, Any]]:
        """Its own mounts and those of files: path in the container -> path on the host."""
        binds = [
            {**MOUNT_DEFAULTS, "type": "bind", "source": source, "target": target, "read_only": True}
            for target, source in files.items()
        ]
        return sorted(self.options["mounts"] + binds, key=lambda mount: mount["target"])

    @property
    def labels(self) -> dict[str, str]:
        """Its own labels and those that identify the container."""
        return {
            **self.options["labels"],
            LABEL_INSTANCE: self.instance,
            LABEL_COMPONENT: self.component,
            LABEL_CONTAINER: self.name,
            LABEL_HASH: self.hash,
        }

    @property
    def hash(self) -> str:
        """The hash of everything that cannot be changed in place, including the content of its files.

        What can be changed in place (ADJUSTABLE) is compared with the container itself, and so is the image, by its id.
        Options at their defaults are left out, so that an option that a later version adds recreates nothing.
        """
        fixed = {
            name: value for name, value in self.options.items() if name not in ADJUSTABLE and value != DEFAULTS[name]
        }
        files = [(file.target, file.mode, file.digest) for file in self.files]
        document = [HASH_FORMAT, self.component, fixed, sorted(files), sorted(self.digests.items())]
        return hashlib.sha256(json.dumps(document, sort_keys=True, default=list).encode()).hexdigest()
