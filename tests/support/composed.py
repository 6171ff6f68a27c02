"""A checkout that is started by Docker Compose, without Ansible."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab import ROOT, Lab

from cloudlab.compose import offline
from cloudlab.model import settings

PROGRAM = ROOT / ".cloudlab" / "test-tools" / "docker-compose"
# The first start compiles ten services.
SECONDS = 1200
# The tool that COMPOSE_PROFILES does not name, because a tool starts only if it does.
LEFT_OUT = "portainer"


def copy(folder: Path) -> Path:
    """The tracked files of the project, as after a clone."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    return folder


def profiles(tools: Iterable[str]) -> str:
    """COMPOSE_PROFILES for everything, with these web tools."""
    return ",".join(["observability", *sorted(tools)])


def socket_group() -> int:
    """The group of the engine's socket, for DOCKER_GROUP in `.env`."""
    return os.stat(offline.ENGINE["socket"]).st_gid


class Compose:
    """Docker Compose in a checkout whose `.env` is `.env.example` with other values."""

    def __init__(self, checkout: Path, values: Mapping[str, str]):
        self.checkout = checkout
        self.file = checkout / ".env"
        shutil.copy(checkout / ".env.example", self.file)
        self.set(**values)

    def set(self, **values: str) -> None:
        """Change values in `.env`."""
        text = self.file.read_text(encoding="utf-8")
        for key, value in values.items():
            text, found = re.subn(rf"(?m)^{key}=.*$", lambda _, line=f"{key}={value}": line, text)
            assert found == 1, f"{key} is not in .env.example once"
        self.file.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, status: int | None = 0) -> str:
        """The output of the command; `status` None accepts any exit status."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.checkout,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert status is None or done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout[-5000:]}"
        return done.stdout

    def environ(self) -> dict[str, str]:
        """The process environment without settings, so that only `.env` sets them."""
        return {name: value for name, value in os.environ.items() if name.lower() not in settings.spec()}

    def lab(self) -> Lab:
        """The instance."""
        return Lab(self.environ() | {settings.ENV_FILE_VARIABLE: str(self.file)})
