"""The validation, run as a person runs it."""

import json
import subprocess
from pathlib import Path

import pytest
from lab import ROOT

TAGS = "gateway,order,search,analytics"
SECONDS = 120


class Validation:
    """The script, for what the scenario converges."""

    def __init__(self, lab, folder: Path):
        self._lab, self._folder = lab, folder

    def run(self, *arguments: str, tags: str = TAGS) -> subprocess.CompletedProcess:
        """Run it from a folder that is not the project's."""
        return subprocess.run(
            [str(ROOT / "scripts" / "validate.sh"), "--tags", tags, *arguments],
            cwd=self._folder,
            env=self._lab.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def failures(self, *arguments: str) -> dict[str, dict[str, str]]:
        """Area and subject -> check, of all that failed."""
        done = self.run("--format", "json", *arguments)
        assert done.stdout, done.stderr
        document = json.loads(done.stdout)
        failed = [check for check in document["checks"] if check["state"] == "FAILED"]
        assert (done.returncode == 0) == document["passed"] == (not failed), done.stderr
        return {f"{check['area']}, {check['subject']}": check for check in failed}


@pytest.fixture(scope="session")
def validation(lab, tmp_path_factory):
    """The validation of the scenario's instance."""
    return Validation(lab, tmp_path_factory.mktemp("elsewhere"))
