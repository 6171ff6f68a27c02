"""A relay in front of a registry that answers as overloaded and interrupted ones do."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping

import requests

# What the relay does to a request, given its path and how often that was requested before. A cut breaks off in the
# middle of a large answer.
CUT, REFUSE = "cut", "refuse"
LARGE = 1_000_000
Fault = Callable[[str, int], str]
# As Docker Hub words it.
REFUSAL = {"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]}


class Relay(http.server.ThreadingHTTPServer):
    """Passes requests on; `requests` has the path and the range (or "") of each."""

    def __init__(self, registry: str, fault: Fault):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry, self.fault = registry, fault
        self.requests: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        """host:port for clients."""
        return f"127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Relay

    def do_GET(self) -> None:
        """Answer, or break off as the relay's fault says."""
        before = sum(path == self.path for path, _ in self.server.requests)
        self.server.requests.append((self.path, self.headers.get("Range", "")))
        fault = self.server.fault(self.path, before)
        if fault == REFUSE:
            self._send(429, {"Content-Type": "application/json"}, json.dumps(REFUSAL).encode())
            return
        status, headers, body = self._forward()
        self._send(status, headers, body, whole=fault != CUT or len(body) < LARGE)

    do_HEAD = do_GET

    def _forward(self) -> tuple[int, Mapping[str, str], bytes]:
        kept = {name: value for name, value in self.headers.items() if name in ("Accept", "Range")}
        url = f"http://{self.server.registry}{self.path}"
        answer = requests.request(self.command, url, headers=kept, timeout=30)
        return answer.status_code, answer.headers, answer.content

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, whole: bool = True) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name not in ("Content-Length", "Connection", "Date", "Server", "Transfer-Encoding"):
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            # The connection is closed after each answer.
            self.wfile.write(body if whole else body[: len(body) // 2])

    def log_message(self, *_: object) -> None:
        """Write nothing to the output of the tests."""


@contextlib.contextmanager
def relay(registry: str, fault: Fault) -> Iterator[Relay]:
    """A running relay in front of the registry (host:port)."""
    with Relay(registry, fault) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
