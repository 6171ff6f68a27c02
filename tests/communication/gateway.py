"""Requests to the platform through its gateway, each with a request ID that appears in logs and traces."""

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

# Longer than the gateway's timeout for a service, so that its response arrives.
TIMEOUT_SECONDS = 20
EXCERPT = 400


@dataclass(frozen=True)
class Answer:
    """A response: `body` as bytes, `seconds` until it was complete."""

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
        """The start of the body, on one line."""
        text = " ".join(self.body[: 4 * EXCERPT].decode(errors="replace").split())
        return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"

    @property
    def problem(self) -> dict[str, Any]:
        """The problem details (RFC 9457) of an error; empty if the body is not one."""
        if "problem+json" not in self.headers.get("content-type", ""):
            return {}
        return self.json()

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}, request ID {self.request_id}"


class Unexpected(AssertionError):
    """A response with an unexpected status."""

    def __init__(self, answer: Answer, expected: Collection[int]):
        self.answer = answer
        expected_text = " or ".join(str(status) for status in sorted(expected))
        super().__init__(f"status {answer.status} instead of {expected_text}")


class Unreachable(AssertionError):
    """No response."""

    def __init__(self, method: str, path: str, request_id: str, cause: Exception):
        self.answer = None
        super().__init__(f"{method} {path} got no response (request ID {request_id}): {_innermost(cause)}")


def trace_id(request_id: str) -> str:
    """The trace ID of a request, derived from the request ID."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:32]


def traceparent(request_id: str) -> str:
    """The traceparent header of a request (W3C Trace Context), sampled."""
    return f"00-{trace_id(request_id)}-{hashlib.sha256(request_id.encode()).hexdigest()[32:48]}-01"


def _innermost(error: BaseException) -> BaseException:
    """The original cause of an error: libraries wrap a refused connection several times."""
    while before := error.__cause__ or error.__context__:
        error = before
    return error


class Gateway:
    """The gateway at `address` (host:port). It is thread-safe; each thread has its own connections."""

    def __init__(self, address: str):
        self.address = address
        self.run = f"proof-{uuid.uuid4().hex[:8]}"
        self._numbers = itertools.count(1)
        self._local = threading.local()

    def new_request_id(self) -> str:
        """A unique request ID."""
        return f"{self.run}-{next(self._numbers)}"

    @property
    def last(self) -> Answer | None:
        """The last response in this thread."""
        return getattr(self._local, "last", None)

    def forget(self) -> None:
        """Clear `last`."""
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
        start = time.monotonic()
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
            time.monotonic() - start,
        )
        self._local.last = answer
        if expect and answer.status not in expect:
            raise Unexpected(answer, expect)
        return answer

    def _session(self) -> requests.Session:
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            # The gateway is on this machine: ignore proxies and ~/.netrc.
            session.trust_env = False
        return session
