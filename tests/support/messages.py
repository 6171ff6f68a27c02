"""The texts of the errors that the project can print, extracted from its source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from cloudlab.model.settings import ROOT

# Replaces the variable parts of a message.
GAP = "…"
# Shorter texts are parts of messages, names, or values.
_FEWEST_WORDS = 4
# Calls whose texts are not errors: command-line help, patterns, progress.
_NO_ERRORS = ("add_argument", "ArgumentParser", "compile", "fullmatch", "search", "match", "display", "execute")


def of_python(path: Path) -> Iterator[str]:
    """The texts in a Python file that may be errors, with gaps for variable parts."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed = set()
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        if _is_documentation(node) or _is_no_error(node):
            passed.update(map(id, ast.walk(node)))
        elif (text := _text(node)) is not None:
            passed.update(map(id, ast.walk(node)))
            if len(text.replace(GAP, " ").split()) >= _FEWEST_WORDS and not re.search(
                r"\(\?|\\[\\dSs.b]|\n\s*select|\nexec ", text
            ):
                yield text


def _is_documentation(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return any(
            isinstance(name, ast.Name) and name.id in ("DOCUMENTATION", "EXAMPLES", "RETURN", "USAGE")
            for name in node.targets
        )
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_no_error(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in _NO_ERRORS


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None and right is None else (left or GAP) + (right or GAP)
    return None


def of_script(path: Path) -> Iterator[str]:
    """The first lines of the errors and warnings of a shell script."""
    for found in re.finditer(r'\b(?:die|warn) "((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8")):
        text = re.sub(r"\$\{[^}]*\}|\$\([^)]*\)\)?|\$\w+|\$\d", GAP, found[1])
        if text.strip(GAP + " "):
            yield text


def of_tasks(path: Path) -> Iterator[str]:
    """The failure messages of tasks."""
    for task in _tasks(yaml.safe_load(path.read_text(encoding="utf-8"))):
        options = (
            task.get("ansible.builtin.assert", {}).get("fail_msg"),
            task.get("ansible.builtin.fail", {}).get("msg"),
        )
        for text in filter(None, options):
            text = re.sub(r"\{\{.*?\}\}", GAP, text)
            if text.strip(GAP + " "):
                yield text


def _tasks(found) -> Iterator[dict]:
    for item in found if isinstance(found, list) else []:
        if isinstance(item, dict):
            yield item
            for key in ("block", "rescue", "always", "tasks"):
                yield from _tasks(item.get(key))


def everything() -> dict[Path, list[str]]:
    """File (relative to the project) -> its texts."""
    sources = {
        of_python: [*ROOT.glob("src/**/*.py"), *ROOT.glob("plugins/**/*.py"), *ROOT.glob("roles/*/files/*.py")],
        of_script: [*ROOT.glob("scripts/**/*.sh"), *ROOT.glob("tests/support/*.sh")],
        of_tasks: [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml")],
    }
    found = {path.relative_to(ROOT): list(read(path)) for read, paths in sources.items() for path in sorted(paths)}
    return {path: texts for path, texts in found.items() if texts}
