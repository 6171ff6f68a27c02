"""`ansible-doc` knows every plugin of the project."""

import subprocess

import pytest

from cloudlab.model import settings

KINDS = {"modules": "module", "filter": "filter", "lookup": "lookup", "vars": "vars", "callback": "callback"}


def names(folder):
    files = (settings.ROOT / "plugins" / folder).glob("*.yml" if folder == "filter" else "*.py")
    return sorted(path.stem for path in files)


@pytest.mark.parametrize("folder", KINDS)
def test_documentation_can_be_read(folder):
    done = subprocess.run(
        ["ansible-doc", "--type", KINDS[folder], "--json", *names(folder)],
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr


def test_every_action_is_documented():
    actions = {path.stem for path in (settings.ROOT / "plugins" / "action").glob("*.py")}
    assert actions == set(names("modules"))
