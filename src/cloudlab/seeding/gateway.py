"""Requests to a platform through its gateway: one kept connection per thread, and patience where it is busy."""

import contextlib
import http.client
import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 40  # an answer that may wait for the end of a saga
PAGE = 100  # items of a list per request, the most there may be
ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.2  # doubles with each attempt, unless the answer says how long
LONGEST_PAUSE_SECONDS = 10
EARLY_SECONDS = 60  # a token is renewed that long before it expires
LIMITED = 429
AWAY = {502, 503, 504}


class SeedError(Exception):
    """The seeding cannot go on: the text says what was refused, where, and what to do."""


class RefusedError(SeedError):
    """The platform refused a request; `status` is HTTP's."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """An answer; ``body`` is the JSON in it, None when there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Gateway:
    """The gateway at ``url``. Any number of threads may use it; ``waits`` counts the pauses that it asked for."""

    def __init__(self, url: str, pause: Callable[[float], None] = time.sleep):
        parsed = urllib.parse.urlsplit(url)
        if parsed.scheme != "http" or not parsed.hostname:
            raise SeedError(f"the gateway's address {url!r} is not of the form http://host:port.")
        self.url = url.rstrip("/")
        self.waits = 0
        self._address = parsed.hostname, parsed.port or 80
        self._pause = pause
        self._own = threading.local()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """Send a request until there is an answer that counts.

        A rate limit is waited for. Where the platform is away for a moment, a ``repeatable`` request is sent again.
        Raises RefusedError for a status of 400 and above, SeedError when nobody answers.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        sent |= headers or {}
        again = {LIMITED, *AWAY} if repeatable else {LIMITED}
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self._send(method, path, data, sent)
            except ConnectionRefusedError as error:
                raise SeedError(self._nobody(error)) from None
            except (OSError, http.client.HTTPException) as error:
                if last or not repeatable:
                    raise SeedError(f"{method} {self.url}{path}: {str(error) or type(error).__name__}") from None
                self._wait(attempt, None)
                continue
            if answer.status not in again or last:
                break
            self._wait(attempt, answer.headers.get("retry-after"))
        if answer.status >= http.client.BAD_REQUEST:
            raise RefusedError(answer.status, f"{method} {self.url}{path}: {_reason(answer)}")
        return answer

    def pages(self, path: str, token: str | None = None) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page."""
        cursor = ""
        while True:
            page = self.call("GET", f"{path}?limit={PAGE}{cursor}", token=token).body
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            cursor = f"&cursor={page['next_cursor']}"

    def _send(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, data, dict(headers))
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, _decode(text))

    def _wait(self, attempt: int, wanted: str | None) -> None:
        self.waits += 1
        seconds = float(wanted) if wanted and wanted.isdecimal() else FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
        self._pause(min(seconds, LONGEST_PAUSE_SECONDS))

    def _nobody(self, error: OSError) -> str:
        return (
            f"no gateway answers at {self.url} ({error.strerror}). Bring the environment up first: "
            "ansible-playbook playbooks/dev.yml"
        )


class Account:
    """A login at the platform, made when it is first needed and renewed before it expires."""

    def __init__(self, gateway: Gateway, email: str, password: str, clock: Callable[[], float] = time.monotonic):
        self.email = email
        self._gateway, self._password, self._clock = gateway, password, clock
        self._token = ""
        self._until = 0.0
        self._lock = threading.Lock()

    def token(self) -> str:
        """A valid access token. Raises SeedError when the password is not accepted."""
        with self._lock:
            if not self._token or self._clock() >= self._until:
                self._log_in()
            return self._token

    def close(self) -> None:
        """End the session, if there is one. That it cannot be ended is no trouble: it expires by itself."""
        with self._lock, contextlib.suppress(SeedError):
            if self._token:
                token, self._token = self._token, ""
                self._gateway.call("POST", "/api/v1/auth/logout", token=token)

    def _log_in(self) -> None:
        body = {"email": self.email, "password": self._password}
        try:
            answer = self._gateway.call("POST", "/api/v1/auth/login", body).body
        except RefusedError as error:
            if error.status != http.client.UNAUTHORIZED:
                raise
            raise SeedError(f"the platform does not accept the password of {self.email}. {error}") from None
        self._token = answer["access_token"]
        self._until = self._clock() + max(0, answer["expires_in"] - EARLY_SECONDS)


def _decode(text: bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode(errors="replace")[:300]


def _reason(answer: Answer) -> str:
    """The answer's own words: of a problem document (RFC 9457) the detail, the fields and the request's id."""
    if not isinstance(answer.body, Mapping):
        return f"HTTP {answer.status}: {answer.body or 'no reason given'}"
    parts = [str(answer.body.get("detail") or answer.body.get("title") or "no reason given")]
    parts += [f"{field} {text}" for field, text in (answer.body.get("errors") or {}).items()]
    if request := answer.body.get("request_id"):
        parts.append(f"request id {request}")
    return f"HTTP {answer.status}: {'; '.join(parts)}"
