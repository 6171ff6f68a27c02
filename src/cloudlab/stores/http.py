"""Questions to a server on this machine that speaks JSON over HTTP, as Elasticsearch and Kibana do."""

from collections.abc import Mapping
from typing import Any

import requests
from requests.auth import HTTPBasicAuth

from cloudlab.stores.base import StoreError
from cloudlab.stores.readiness import NotYetError

PROBE_SECONDS = 2  # one question to a server that may still be starting
REQUEST_SECONDS = 30  # one request to a server that answers


class HTTPError(StoreError):
    """The server refused a request or broke off; the text says which and why. ``status``: of its answer, or 0."""

    def __init__(self, text: str, status: int = 0):
        super().__init__(text)
        self.status = status


class Client:
    """A server. ``url``: of its published port; ``user`` and ``password`` where it asks for them."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None, **headers: str):
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy in the environment is for the internet, not for a loopback port
        self._session.headers.update(headers)
        if user:
            self._session.auth = HTTPBasicAuth(user.encode(), (password or "").encode())

    def probe(self, path: str) -> requests.Response:
        """The answer to a quick question. Raises ``NotYetError`` until there is a good one.

        A refused password is an :class:`HTTPError`: waiting would not help.
        """
        try:
            answer = self._session.get(self._url + path, timeout=PROBE_SECONDS)
        except requests.RequestException as error:
            raise NotYetError(_transport_reason(error)) from None
        if answer.status_code in (401, 403):
            raise HTTPError(
                f"{self._url}: the user or password is refused (HTTP {answer.status_code})", answer.status_code
            )
        if answer.status_code != 200:
            raise NotYetError(f"HTTP {answer.status_code}: {answer.text[:200]}")
        return answer

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The document that a request is answered with. Raises :class:`HTTPError`."""
        try:
            answer = self._session.request(method, self._url + path, timeout=REQUEST_SECONDS, **options)
        except requests.RequestException as error:
            raise HTTPError(f"{method} {self._url}{path}: {_transport_reason(error)}") from None
        if not answer.ok:
            raise HTTPError(f"{method} {path}: {_server_reason(answer)}", answer.status_code)
        return answer.json()


def _server_reason(answer: requests.Response) -> str:
    """What the server says of a refusal: Elasticsearch in an object with causes, Kibana in a message."""
    try:
        document = answer.json()
        error = document.get("message") or document["error"]
    except (ValueError, KeyError, AttributeError):
        return f"HTTP {answer.status_code}: {answer.text[:300]}"
    causes = [error, *_causes(error)] if isinstance(error, Mapping) else [{"reason": error}]
    return f"HTTP {answer.status_code}: " + "; ".join(str(cause.get("reason")) for cause in causes)


def _causes(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    cause = error.get("caused_by")
    return [cause, *_causes(cause)] if cause else []


def _transport_reason(error: requests.RequestException) -> str:
    """The innermost cause, without the client's object addresses."""
    cause: BaseException = error
    while deeper := (cause.__cause__ or cause.__context__):
        cause = deeper
    return str(cause)
