"""The pinned version of ClickHouse with the role's configuration: an engine in a process of its own, not a container.

It has no listeners, no threads for background schedules, and no users created by SQL.
"""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import requests
import stores

FOLDER = stores.ROOT / ".cloudlab" / "test-tools" / "clickhouse"  # tests/support/fetch_tools.sh fills it
EXTENSION = FOLDER / "chdb" / "_chdb.abi3.so"
PROGRAM = stores.ROOT / "tests" / "support" / "clickhouse_engine.py"


class PinnedError(Exception):
    """The engine did not start; the text is the end of its log."""


class Pinned:
    """The engine. All statements run as `account`, one of the role's users; `settings` are variables of the role."""

    name = "clickhouse-pinned"

    def __init__(self, directory: Path, account: str = "cloudlab", **settings):
        self.directory, self._account = directory, account
        # The engine logs in without a password.
        self._store = stores.Store("clickhouse", directory, **{"clickhouse_password": ""} | settings)

    def __enter__(self):
        if not EXTENSION.exists():
            raise PinnedError(f"{EXTENSION} is missing. Run tests/support/fetch_tools.sh.")
        self._write()
        log = self.directory / "log"
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, PROGRAM, EXTENSION, self.config, self.directory / "data"],
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._port = int(self._process.stdout.readline() or 0)
        if not self._port:
            self.__exit__()
            raise PinnedError(log.read_text(errors="replace")[-4000:])
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    @property
    def config(self) -> Path:
        return self.directory / "config.xml"

    @property
    def users(self) -> Path:
        return self.directory / "users.xml"

    def port(self, _name: str) -> int:
        return self._port

    def ask(self, sql: str) -> str:
        """The answer to statements. Raises AssertionError with ClickHouse's message."""
        response = requests.post(f"http://127.0.0.1:{self._port}/", sql.encode(), timeout=30)
        assert response.ok, response.text
        return response.text

    def _write(self) -> None:
        """The role's files, with paths below the directory, and with the name that the engine logs in by."""
        (self.directory / "data").mkdir(parents=True)
        for file in self._store.specification().files:
            text = file.content.replace("/etc/cloudlab", str(self.directory))
            text = text.replace("/var/lib/clickhouse", str(self.directory / "data"))
            (self.directory / Path(file.target).name).write_text(text)
        users = ElementTree.parse(self.users)
        users.find(f"users/{self._account}").tag = "default"
        users.write(self.users)
