"""Main packages and modules in a checkout of Go code."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from cloudlab.model.problems import nearest

_PACKAGE_MAIN = re.compile(r"^package[ \t]+main\b", re.MULTILINE)
# Folders without packages of the checkout's own.
_FOREIGN = {"vendor", "node_modules", "testdata"}
_MOST_FOLDERS = 5000


def problems(go: Mapping[str, Any], root: Path) -> Iterator[str]:
    """What is wrong with the folders that the `go` of a service names: a message each, which begins with the key."""
    folders = {}
    for key, value in (("module", go.get("module", ".")), ("working_dir", go.get("working_dir", "."))):
        folders[key] = (root / value).resolve()
        if PurePosixPath(value).is_absolute() or not folders[key].is_relative_to(root):
            yield f"{key}: {value} must be a folder below {root}, relative to it."
        elif not folders[key].is_dir():
            yield f"{key}: {folders[key]} does not exist. It is relative to the checkout {root}."
    module = folders["module"]
    if not module.is_relative_to(root) or not module.is_dir():
        return
    if not _in_module(module, root):
        yield f"module: there is neither a go.mod nor a go.work in {module}. {_nearest_module(root)}"
        return
    main = PurePosixPath(go["main"])
    folder = (module / main).resolve()
    if main.is_absolute() or not folder.is_relative_to(root):
        yield f"main: {go['main']} must be a folder below {root}, relative to the module."
    elif not is_main(folder):
        fault = "has no package main" if folder.is_dir() else "does not exist"
        yield f"main: {folder} {fault}. {_nearest_main(go['main'], module)}"


def is_main(folder: Path) -> bool:
    """Whether the folder holds a main package."""
    if not folder.is_dir():
        return False
    files = (file for file in sorted(folder.glob("*.go")) if not file.name.endswith("_test.go"))
    return any(_PACKAGE_MAIN.search(file.read_text(encoding="utf-8", errors="replace")) for file in files)


def _in_module(folder: Path, root: Path) -> bool:
    """Whether the folder belongs to a Go module or workspace."""
    places = [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]
    return any((place / name).is_file() for place in places for name in ("go.mod", "go.work"))


def _nearest_module(root: Path) -> str:
    folders = sorted({file.parent for file in _walk(root, ("go.mod", "go.work"))})
    names = [folder.relative_to(root).as_posix() for folder in folders]
    return f"Modules of the checkout: {', '.join(names)}." if names else "The checkout has none: `go mod init`."


def _nearest_main(main: str, module: Path) -> str:
    folders = sorted({file.parent for file in _walk(module, ("*.go",))})
    names = [f"./{folder.relative_to(module).as_posix()}" for folder in folders if is_main(folder)]
    if close := nearest(main, names, cutoff=0.5):
        return f"Did you mean {close}?"
    return f"Main packages of the module: {', '.join(names)}." if names else "The module has no main package."


def _walk(root: Path, patterns: Iterable[str]) -> list[Path]:
    """Files below a folder, for suggestions; a very large checkout is searched in part only."""
    found: list[Path] = []
    waiting, seen = [root], 0
    while waiting and seen < _MOST_FOLDERS:
        folder = waiting.pop()
        seen += 1
        for pattern in patterns:
            found += folder.glob(pattern)
        waiting += [path for path in folder.iterdir() if _own_folder(path)]
    return found


def _own_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and path.name not in _FOREIGN and path.name[0] not in "._"
