"""The import graph of cloudlab: a sub-package imports only lower layers, and only one imports Ansible."""

import ast
import functools
from pathlib import Path

import cloudlab

PACKAGE = Path(cloudlab.__file__).parent
# From the ground up; the sub-packages of one row do not import each other.
LAYERS = (
    {"model", "cli"},
    {"engine"},
    {"containers", "images", "stores", "observe"},
    {"services", "gateway"},
    {"compose", "lifecycle", "docs"},
    {"validate"},
    {"ansible"},
)


def imported(path: Path) -> set[str]:
    """The full names of the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def sub_package(name: str) -> str:
    return name.split(".")[1]


@functools.cache
def uses() -> dict[str, set[str]]:
    """Sub-package -> the other sub-packages that it imports."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.glob("*/**/*.py"):
        own = path.relative_to(PACKAGE).parts[0]
        others = {sub_package(name) for name in imported(path) if name.startswith("cloudlab.")}
        found.setdefault(own, set()).update(others - {own})
    return found


def test_every_sub_package_has_its_layer():
    assert set().union(*LAYERS) == {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}


def test_a_sub_package_imports_only_those_below_it():
    below: set[str] = set()
    for layer in LAYERS:
        for name in layer:
            assert uses()[name] <= below, f"{name} imports {uses()[name] - below}"
        below |= layer


def test_only_one_sub_package_imports_ansible():
    users = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.glob("**/*.py")
        if any(name.split(".")[0] == "ansible" for name in imported(path))
    }
    assert users == {"ansible"}


def test_plugins_and_scripts_do_not_change_the_path():
    root = PACKAGE.parents[1]
    files = [path for folder in ("plugins", "scripts", "src") for path in (root / folder).rglob("*.py")]
    assert files
    assert [path for path in files if "sys.path" in path.read_text(encoding="utf-8")] == []
