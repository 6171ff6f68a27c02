"""Requests to the platform, all through its gateway; each carries a request id by which it can be followed."""

from __future__ import annotations

import hashlib
import itertools
import json as jsonlib
import threading
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import requests

# Longer than the gateway itself waits for a service, so that its answer is heard.
TIMEOUT_SECONDS = 20
EXCERPT = 400


@dataclass(frozen=True)
class Answer:
    """What came back: `body` as bytes, `seconds` until it was complete."""

    method: str
    path: str
    request_id: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The body, decoded."""
        return jsonlib.loads(self.body)

    @property
    def excerpt(self) -> str:
        """The beginning of the body, on one line."""
        text = " ".join(self.body[: 4 * EXCERPT].decode(errors="replace").split())
        return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"

    @property
    def problem(self) -> dict[str, Any]:
        """The problem details (RFC 9457) of an error; empty when the body is something else."""
        if "problem+json" not in self.headers.get("content-type", ""):
            return {}
        return self.json()

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}, request id {self.request_id}"


class Unexpected(AssertionError):
    """An answer with another status than the expected ones."""

    def __init__(self, answer: Answer, expected: Collection[int]):
        self.answer = answer
        wanted = " or ".join(str(status) for status in sorted(expected))
        super().__init__(f"status {answer.status} instead of {wanted}")


class Unreachable(AssertionError):
    """No answer at all."""

    def __init__(self, method: str, path: str, request_id: str, cause: Exception):
        self.answer = None
        super().__init__(f"{method} {path} was not answered (request id {request_id}): {_innermost(cause)}")


def trace_id(request_id: str) -> str:
    """The id of the trace that a request begins: it follows from the request id, so that nobody has to keep it."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:32]


def traceparent(request_id: str) -> str:
    """The header that begins the trace (W3C Trace Context), to be recorded where traces are."""
    return f"00-{trace_id(request_id)}-{hashlib.sha256(request_id.encode()).hexdigest()[32:48]}-01"


def _innermost(error: BaseException) -> BaseException:
    """What an error began with: libraries wrap a refused connection several times."""
    while before := error.__cause__ or error.__context__:
        error = before
    return error


class Gateway:
    """The gateway at `address` (host:port). Any number of threads may use it; each has connections of its own."""

    def __init__(self, address: str):
        self.address = address
        self.run = f"proof-{uuid.uuid4().hex[:8]}"
        self._numbers = itertools.count(1)
        self._local = threading.local()

    def new_request_id(self) -> str:
        """An id that no other request has."""
        return f"{self.run}-{next(self._numbers)}"

    @property
    def last(self) -> Answer | None:
        """The last answer to this thread."""
        return getattr(self._local, "last", None)

    def forget(self) -> None:
        """Let `last` be of what is asked from here on."""
        self._local.last = None

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        json: Any = None,
        data: bytes | Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: str = "",
        expect: Collection[int] = (200,),
    ) -> Answer:
        """Send a request. An empty `expect` accepts every status. Raises Unexpected or Unreachable."""
        request_id = request_id or self.new_request_id()
        sent = {"x-request-id": request_id, "traceparent": traceparent(request_id), **(headers or {})}
        if token:
            sent["authorization"] = f"Bearer {token}"
        begun = time.monotonic()
        try:
            response = self._session().request(
                method,
                f"http://{self.address}{path}",
                json=json,
                data=data,
                params=params,
                headers=sent,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unreachable(method, path, request_id, error) from error
        answer = Answer(
            method,
            path,
            request_id,
            response.status_code,
            {name.lower(): value for name, value in response.headers.items()},
            response.content,
            time.monotonic() - begun,
        )
        self._local.last = answer
        if expect and answer.status not in expect:
            raise Unexpected(answer, expect)
        return answer

    def _session(self) -> requests.Session:
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            # The gateway is on this machine: neither proxies nor ~/.netrc concern it.
            session.trust_env = False
        return session
