"""A client of a ClickHouse server over HTTP, in a syntax that all versions since 18.16 support."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import requests

from cloudlab.stores import http
from cloudlab.stores.base import RefusedError, StoreError, TCPServer
from cloudlab.stores.clickhouse import objects
from cloudlab.stores.readiness import NotYetError

REQUEST_SECONDS = 30

# Codes of its errors: unknown user, wrong password, password required, address refused, authentication failed.
_REFUSED = {"192", "193", "194", "195", "516"}
# Old: "Code: 60, e.displayText() = DB::Exception: Text, e.what() = …"; now: "Code: 60. DB::Exception: Text (version"
_ERROR = re.compile(
    r"Code: (\d+)\S*\s*(?:e\.displayText\(\) = )?(?:DB::Exception: )?(.*?)(?:, e\.what\(\)| \(version |$)", re.DOTALL
)


@dataclass
class Server(TCPServer):
    """One server, over one connection."""

    _session: requests.Session = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Basic authentication supports any characters; ClickHouse's headers and parameters do not.
        self._session = http.session(self.user, self.password)

    def state(self, want: objects.Desired) -> dict[str, Any]:
        """The server's state; one query. A probe for readiness.wait_until: raises NotYetError while it starts."""
        return objects.read_state(json.loads(line) for line in self._run(objects.query(want)).splitlines())

    def apply(self, steps: list[objects.Step]) -> None:
        for step in steps:
            try:
                self._run(step.sql, step.database)
            except NotYetError as error:
                raise StoreError(f"{step.subject}: container {self.container} stopped responding: {error}") from error
            except StoreError as error:
                raise StoreError(f"{step.subject}: {error}") from error

    def count(self, database: str, table: str) -> int:
        """The number of stored rows of a table."""
        path = f"{objects.identifier(database)}.{objects.identifier(table)}"
        return int(self._run(f"SELECT count() FROM {path}"))  # noqa: S608 - the names are quoted

    def close(self) -> None:
        self._session.close()

    def _run(self, sql: str, database: str | None = None) -> str:
        url, parameters = f"http://{self.host}:{self.port}/", {"database": database} if database else {}
        try:
            response = self._session.post(url, sql.encode(), params=parameters, timeout=REQUEST_SECONDS)
        except requests.RequestException as error:
            raise NotYetError(http.transport_reason(error)) from error
        text = response.content.decode(errors="replace")
        if not response.ok:
            raise self._failure(text)
        return text

    def _failure(self, text: str) -> Exception:
        found = _ERROR.search(text)
        code, message = found.groups() if found else ("", text.strip()[:200])
        if code in _REFUSED:
            return RefusedError(f"container {self.container} refuses the user {self.user}: {message}")
        return StoreError(f"container {self.container}: {message.strip()} (code {code or 'unknown'})")
