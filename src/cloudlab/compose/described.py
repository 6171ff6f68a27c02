"""The declarations that the roles record for the export.

In mode `describe`, the actions validate their arguments, use no engine, change nothing, and add their declarations to
the host's fact `described`.

    {"containers": {name: specification}, "programs": [one-shot, …], "folders": {path: {file: text}},
     "images": {reference: build arguments}}
"""

import os
from pathlib import Path
from typing import Any

from cloudlab.containers.spec import File, Spec
from cloudlab.model import settings

FACT = "described"
NOTHING: dict[str, Any] = {"containers": {}, "programs": [], "folders": {}, "images": {}}


def container(spec: Spec, role: Path) -> dict[str, Any]:
    """A specification as plain data. role: the directory of its role."""
    return {
        "name": spec.name,
        "component": spec.component,
        "image": spec.image,
        "needs": list(spec.needs),
        # Files that a converge would copy are mounted instead.
        "options": {
            **spec.options,
            "mounts": spec.mounts_with({file.target: file.copy for file in spec.files if file.copy}),
        },
        "files": [
            {"target": file.target, "mode": file.mode, "content": file.content, "source": _source(file, role)}
            for file in spec.files
            if not file.copy
        ],
    }


def _source(file: File, role: Path) -> str | None:
    """The role's file with the same content, relative to the project, so that the export does not repeat it."""
    path = role / "files" / os.path.basename(file.target)
    same = path.is_file() and path.read_text(encoding="utf-8") == file.content
    return f"./{path.relative_to(settings.ROOT)}" if same else None
