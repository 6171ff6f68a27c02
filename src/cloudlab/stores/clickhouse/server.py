"""A client of a ClickHouse server over HTTP, in a syntax that all versions since 18.16 support."""

import base64
import http.client
import json
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

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

    _connection: http.client.HTTPConnection | None = field(default=None, init=False, repr=False)

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
        if self._connection:
            self._connection.close()

    def _run(self, sql: str, database: str | None = None) -> str:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port, timeout=REQUEST_SECONDS)
        # Basic authentication supports any characters; ClickHouse's headers and parameters do not.
        credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
        path = "/" + (f"?{urllib.parse.urlencode({'database': database})}" if database else "")
        try:
            self._connection.request("POST", path, sql.encode(), {"Authorization": f"Basic {credentials}"})
            response = self._connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NotYetError(str(error) or type(error).__name__) from error
        if response.status != http.client.OK:
            raise self._failure(text)
        return text

    def _failure(self, text: str) -> Exception:
        found = _ERROR.search(text)
        code, message = found.groups() if found else ("", text.strip()[:200])
        if code in _REFUSED:
            return RefusedError(f"container {self.container} refuses the user {self.user}: {message}")
        return StoreError(f"container {self.container}: {message.strip()} (code {code or 'unknown'})")
