"""The Git hooks in a temporary repository: each rejects a bad commit, and a good one passes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cloudlab.model import settings

# What the hooks read; the linters come from this environment instead of from .venv.
CONFIGURATION = (
    ".pre-commit-config.yaml",
    ".yamllint",
    ".hadolint.yaml",
    ".ansible-lint",
    "ansible.cfg",
    "pyproject.toml",
)
GOOD = {
    "good.yml": "a: 1\n",
    "good.py": '"""Nothing."""\n',
    "src/cloudlab/good.py": "NUMBER: int = 1\n",
    "Dockerfile": "FROM debian:trixie-slim\n",
    "good.sh": "#!/bin/sh\necho good\n",
}
# Hook -> a file that it refuses.
BAD = {
    "yamllint": ("bad.yml", "a:   1\n"),
    "ruff": ("bad.py", "import os\n"),
    "ruff-format": ("bad.py", "a = {  'b':1 }\n"),
    "mypy": ("src/cloudlab/bad.py", 'NUMBER: int = "one"\n'),
    "shellcheck": ("bad.sh", "#!/bin/sh\ncd $1\n"),
    "hadolint": ("Dockerfile", "FROM debian:latest\n"),
    # A play without a name.
    "ansible-lint": ("playbooks/bad.yml", "- hosts: localhost\n  tasks: []\n"),
}


@pytest.fixture
def repository(tmp_path):
    """A function that commits files in a repository with the hooks: (subject, {path: content}) -> the process."""
    programs = Path(sys.executable).parent
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(programs)
    for name in CONFIGURATION:
        shutil.copy(settings.ROOT / name, tmp_path / name)
    environ = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "PRE_COMMIT_HOME": str(tmp_path / "home" / "pre-commit"),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "tests@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }

    def run(*command):
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)

    def commit(subject, files):
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
        assert run("git", "add", *files).returncode == 0
        return run("git", "commit", "--message", subject)

    assert run("git", "init", "--quiet").returncode == 0
    installed = run("pre-commit", "install")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return commit


def test_a_good_commit_passes(repository):
    done = repository("Add what is good", GOOD)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("hook", BAD)
def test_a_hook_rejects_a_bad_commit(repository, hook):
    name, content = BAD[hook]
    done = repository("Add what is bad", {name: content})
    assert done.returncode == 1
    assert f"- hook id: {hook}\n" in done.stdout + done.stderr


@pytest.mark.parametrize(("length", "status"), [(71, 0), (72, 1)])
def test_a_subject_is_shorter_than_72_characters(repository, length, status):
    done = repository("x" * length + "\n\n" + "A line of the body may be longer. " * 5, {"file.txt": "text\n"})
    assert done.returncode == status, done.stdout + done.stderr
    assert ("- hook id: commit-subject\n" in done.stdout + done.stderr) == bool(status)
