"""Settings that all services of a run share, and paths in their containers."""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Paths in the containers.
SOURCE = "/src"
CA_BUNDLE = "/etc/cloudlab/ca-bundle.crt"
RUN_FOLDER = "/run/cloudlab"

BUILDER = "builder"
# The version of the runner: a container is recreated when the program that supervises it changes.
LABEL_RELOAD = "cloudlab.reload"
# The user nobody, for checkouts that belong to root.
NOBODY = "65532:65532"


class ServiceError(ValueError):
    """A service cannot be specified; the message says why."""


@dataclass(frozen=True)
class Settings:
    """What all services of a run have in common.

    platform: the checkout. stores: store -> {placeholder's key: value}, as other containers reach them.
    secret: the value of a generated secret by its name.
    user: uid:gid of the processes, which must be able to read the checkout.
    reload: version of the programs in files/reload.
    images: service -> its image, for services that do not run in hot reload.
    own: the platform's settings.
    telemetry: variables that every service gets besides its name; empty where nothing receives telemetry.
    """

    platform: str
    stores: Mapping[str, Mapping[str, Any]]
    secret: Callable[[str], str]
    log_level: str = "info"
    user: str = NOBODY
    reload: str = ""
    hot_reload: bool = True
    images: Mapping[str, str] = field(default_factory=dict)
    telemetry: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)


def source_path(folder: str) -> str:
    """The path of a folder of the checkout in the containers."""
    return posixpath.normpath(posixpath.join(SOURCE, folder))


def scratch_mounts(user: str) -> list[dict[str, Any]]:
    """The folders that a container may write to.

    When a container is restarted, a tmpfs takes its mode from the folder that it covers; one that is not in the image
    must therefore belong to the user.
    """
    uid, gid = user.split(":")
    return [
        {"type": "tmpfs", "target": "/tmp", "tmpfs_size": "64m", "tmpfs_mode": "1777", "tmpfs_options": ["nosuid"]},  # noqa: S108 - in the container
        {
            "type": "tmpfs",
            "target": RUN_FOLDER,
            "tmpfs_size": "1m",
            "tmpfs_mode": "0755",
            "tmpfs_options": ["nosuid", f"uid={uid}", f"gid={gid}"],
        },
    ]
