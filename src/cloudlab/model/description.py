"""Find and read the description of the platform that the settings select."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import catalogue, declarations, schema
from cloudlab.model.problems import ProblemsError

DESCRIPTION = "cloudlab.yml"
# The settings that select a platform.
SELECTORS = ("platform_src", "platform_catalogue")
_PROJECT = catalogue.FOLDER.parents[1]


class PlatformError(ProblemsError):
    """A description is missing or invalid; `problems` holds one message each."""


def selected(values: Mapping[str, Any]) -> dict[str, Any]:
    """The description that the settings `values` select; what they lack has its default. Raises PlatformError."""
    source, name = (str(values.get(key, catalogue.committed("platform")[key])) for key in SELECTORS)
    root = (_PROJECT / Path(source).expanduser()).resolve()
    return read(root, root / (name or DESCRIPTION))


def read(root: Path, file: Path) -> dict[str, Any]:
    """The description in `file`, valid in itself. Raises PlatformError."""
    if not root.is_dir():
        raise PlatformError([f"{root}: the folder does not exist. Set PLATFORM_SRC to the checkout of your services."])
    try:
        stamp = file.stat()
    except OSError as error:
        raise PlatformError(
            [f"{file}: {error.strerror}. It describes the platform's services; DEVELOPMENT.md says how to write one."]
        ) from None
    return _parse(file, stamp.st_mtime_ns, stamp.st_size)


@functools.lru_cache(maxsize=4)
def _parse(file: Path, _changed: int, _size: int) -> dict[str, Any]:
    return schema.read(file, declarations.Platform, PlatformError)
