"""A client of a server on this machine with a JSON API, such as Elasticsearch and Kibana."""

from collections.abc import Iterable, Mapping
from typing import Any

import requests
from requests.auth import HTTPBasicAuth

from cloudlab.model.problems import each
from cloudlab.stores.base import ObjectsError
from cloudlab.stores.readiness import NotYetError

PROBE_SECONDS = 2  # a probe of a server that may still be starting
REQUEST_SECONDS = 30  # a request to a server that answers


class HTTPError(ObjectsError):
    """The server refused or aborted a request; the text names it and the cause. ``status``: of its answer, or 0."""

    def __init__(self, text: str, status: int = 0):
        super().__init__([text])
        self.status = status


def session(user: str | None, password: str | None) -> requests.Session:
    """A session with a server on this machine, which proxies do not apply to."""
    opened = requests.Session()
    opened.trust_env = False
    if user:
        opened.auth = HTTPBasicAuth(user.encode(), (password or "").encode())
    return opened


class Client:
    """A server. ``url``: of its published port; ``user`` and ``password`` where it requires them."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None, **headers: str):
        self._url = url.rstrip("/")
        self._session = session(user, password)
        self._session.headers.update(headers)

    def probe(self, path: str) -> requests.Response:
        """The answer to a quick request. Raises ``NotYetError`` until it succeeds.

        A refused password is an :class:`HTTPError`: waiting would not help.
        """
        try:
            answer = self._session.get(self._url + path, timeout=PROBE_SECONDS)
        except requests.RequestException as error:
            raise NotYetError(transport_reason(error)) from None
        if answer.status_code in (401, 403):
            raise HTTPError(
                f"{self._url}: the user or password is refused (HTTP {answer.status_code})", answer.status_code
            )
        if answer.status_code != 200:
            raise NotYetError(f"HTTP {answer.status_code}: {answer.text[:200]}")
        return answer

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The document in the answer to a request. Raises :class:`HTTPError`."""
        try:
            answer = self._session.request(method, self._url + path, timeout=REQUEST_SECONDS, **options)
        except requests.RequestException as error:
            raise HTTPError(f"{method} {self._url}{path}: {transport_reason(error)}") from None
        if not answer.ok:
            raise HTTPError(f"{method} {path}: {_server_reason(answer)}", answer.status_code)
        return answer.json()

    def send(self, changes: Iterable[tuple[str, str, str, Any]]) -> None:
        """Send changes, (name, method, path, document) each. Raises ObjectsError with every refused one."""

        def send_one(change: tuple[str, str, str, Any]) -> None:
            name, method, path, document = change
            try:
                self.call(method, path, json=document)
            except HTTPError as error:
                raise ObjectsError([f"{name}: {error}"]) from None

        each(send_one, changes, ObjectsError)


def _server_reason(answer: requests.Response) -> str:
    """The cause of a refusal: Elasticsearch has an object with causes, Kibana a message."""
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


def transport_reason(error: requests.RequestException) -> str:
    """The innermost cause, without the client's object addresses."""
    cause: BaseException = error
    while deeper := (cause.__cause__ or cause.__context__):
        cause = deeper
    return str(cause)
