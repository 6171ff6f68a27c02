"""A connection to the Docker Engine, and messages for every reason why there is none.

The address is the one that the docker command uses: DOCKER_HOST, then DOCKER_CONTEXT or the current context of
~/.docker/config.json, then /var/run/docker.sock. The version of the API is negotiated with one request.
"""

from __future__ import annotations

import errno
import getpass
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import docker.utils
import requests
from docker import APIClient
from docker.context import ContextAPI
from docker.errors import APIError, DockerException
from docker.transport import UnixHTTPAdapter

from cloudlab.engine import machine

OLDEST_API = (1, 41)  # Engine 20.10, of Debian 12
NEWEST_API = (1, 45)  # Engine 26, of Debian 13; newer engines support it too (tested with 28.5)
PODMAN = "Podman Engine"  # a component of its version
DEFAULT_ADDRESS = f"unix://{machine.SOCKET}"
HANDSHAKE_SECONDS = 15
REQUEST_SECONDS = 60
CONNECTIONS = 10


class EngineError(Exception):
    """The engine cannot be used. The message names the address, the cause and the fix."""


class Client(APIClient):
    """The SDK's low-level client, with requests that it has no method for.

    The attributes are the SDK's own; its stubs lack private ones, and declare `timeout` as a whole number.
    """

    timeout: Any
    _version: str
    _url: Callable[..., str]
    _raise_for_status: Callable[[requests.Response], None]
    _stream_helper: Callable[..., Iterator[dict[str, Any]]]

    def call(self, path: str, *ids: str, **options: Any) -> requests.Response:
        """POST to a path, whose {0}, {1}, … are `ids`. Raises docker.errors.APIError."""
        response = self.post(self._url(path, *ids), **options)
        self._raise_for_status(response)
        return response

    def documents(self, response: requests.Response) -> Iterator[dict[str, Any]]:
        """The JSON documents of a streamed response, as they arrive."""
        return self._stream_helper(response, decode=True)


@dataclass(frozen=True)
class Engine:
    """A connected engine. client: the SDK's low-level client. version: the answer to GET /version."""

    client: Client
    address: str
    api: tuple[int, int]
    version: Mapping[str, Any]

    def update_container(self, container_id: str, limits: Mapping[str, Any]) -> list[str]:
        """Change limits of a container in place; return the engine's warnings.

        The SDK's `update_container` supports neither NanoCpus nor PidsLimit. Raises docker.errors.APIError.
        """
        timeout = self.client.timeout
        response = self.client.call("/containers/{0}/update", container_id, json=dict(limits), timeout=timeout)
        return response.json().get("Warnings") or []

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


class _OnePool(UnixHTTPAdapter):
    """One pool of connections: the SDK has one per URL, so that almost every request opens a connection."""

    def get_connection(self, url: str | bytes, proxies: Mapping[str, str] | None = None) -> Any:
        return super().get_connection("http+docker://localhost", proxies)


def connect(environ: Mapping[str, str] | None = None, timeout: float | None = REQUEST_SECONDS) -> Engine:
    """Connect to the engine that the environment names; raise EngineError when it cannot be used.

    timeout: seconds that a single request may take; None for no limit.
    """
    environ = os.environ if environ is None else environ
    address, tls = _address(environ)
    client = _client(address, tls)
    version = _ask_version(client, address)
    api = _agree(environ, version)
    client._version = _text(api)
    client.timeout = timeout
    return Engine(client=client, address=address, api=api, version=version)


def _address(environ: Mapping[str, str]) -> tuple[str, Any]:
    """The engine's address and its TLS settings (False for none)."""
    try:
        settings = docker.utils.kwargs_from_env(environment=dict(environ) or {"": ""})
        if "base_url" not in settings:
            settings = ContextAPI.kwargs_from_context(environment=environ) | settings
    except (DockerException, OSError, ValueError) as error:
        raise EngineError(
            f"The settings of the Docker Engine's address are invalid: {error}. Check DOCKER_HOST, DOCKER_CONTEXT, "
            "DOCKER_CERT_PATH and ~/.docker/config.json; without them the local socket is used."
        ) from error
    name = environ.get("DOCKER_CONTEXT", "")
    if "base_url" not in settings and name not in ("", "default"):
        raise EngineError(
            f"DOCKER_CONTEXT names the context {name!r}, which does not exist. `docker context ls` lists "
            "the existing ones; unset DOCKER_CONTEXT to use the local engine."
        )
    address = settings.get("base_url") or DEFAULT_ADDRESS
    address = address.removeprefix("http+")
    if address.startswith("ssh://"):
        raise EngineError(
            f"The Docker Engine is set to {address}, which is another machine. Cloudlab mounts files of this machine "
            "and publishes ports on its 127.0.0.1, so the engine must run here: unset DOCKER_HOST and DOCKER_CONTEXT."
        )
    return address, settings.get("tls", False)


def _client(address: str, tls: Any) -> Client:
    """A client that has not sent a request yet."""
    try:
        client = Client(base_url=address, tls=tls, version=_text(OLDEST_API), timeout=HANDSHAKE_SECONDS)
    except DockerException as error:
        raise EngineError(f"The Docker Engine's address {address} is invalid: {error}.") from error
    # Proxies and ~/.netrc do not apply to the engine, and looking them up takes time per request.
    client.trust_env = False
    if address.startswith("unix://"):
        client.mount("http+docker://", _OnePool(f"http+{address}", HANDSHAKE_SECONDS, max_pool_size=CONNECTIONS))
    return client


def _ask_version(client: Client, address: str) -> dict[str, Any]:
    """GET /version, the request that shows whether an engine answers, and which versions of the API it supports."""
    try:
        version = client.version(api_version=False)
    except requests.exceptions.Timeout as error:
        raise EngineError(
            f"The Docker Engine at {address} accepted the connection but did not answer within {HANDSHAKE_SECONDS} s. "
            f"It may hang: read its log (journalctl -u docker) and restart it. {_start_hint(address)}"
        ) from error
    except APIError as error:
        raise EngineError(f"{address} is not a Docker Engine: it answered {error.explanation or error}.") from error
    except (requests.exceptions.RequestException, DockerException, json.JSONDecodeError) as error:
        raise EngineError(_unreachable(address, error)) from error
    if not isinstance(version, dict) or "ApiVersion" not in version:
        raise EngineError(f"{address} is not a Docker Engine: its /version has no ApiVersion.")
    if any(component.get("Name") == PODMAN for component in version.get("Components") or []):
        raise EngineError(
            f"{address} is Podman {version.get('Version', '?')}, which Cloudlab does not support: its API cannot look "
            "up images in a registry, and it runs health checks only with systemd. Set DOCKER_HOST to a Docker Engine, "
            "or unset it and run ./scripts/setup.sh, which installs one on Debian and Ubuntu."
        )
    return version


def _unreachable(address: str, error: Exception) -> str:
    """Why there is no connection to the address, and how to fix it."""
    if not address.startswith("unix://"):
        reason = _root_cause(error)
        return f"The Docker Engine at {address} cannot be reached: {reason}. Start it, or correct DOCKER_HOST."
    path = address.removeprefix("unix://")
    cause = _errno(error)
    if cause in (errno.EACCES, errno.EPERM):
        return _no_permission(path)
    if cause == errno.ENOENT:
        return f"No Docker Engine is running: the socket {path} does not exist. {_start_hint(address)}"
    if os.path.exists(path) and not stat.S_ISSOCK(os.stat(path).st_mode):
        return f"{path} is not a socket. Set DOCKER_HOST to the engine's socket, or unset it."
    if cause == errno.ECONNREFUSED:
        return f"No Docker Engine is running: no process listens on the socket {path}. {_start_hint(address)}"
    return f"The Docker Engine at {path} cannot be reached: {_root_cause(error)}. {_start_hint(address)}"


def _no_permission(path: str) -> str:
    """The message for a socket that this user may not open."""
    return (
        f"The user {_user()} may not open the Docker Engine's socket {path}. Join its group with "
        f"`sudo usermod -aG {_group(path)} {_user()}`, then log in again (or run `newgrp {_group(path)}`)."
    )


def _start_hint(address: str) -> str:
    """The command that starts the engine at the address."""
    return machine.start_hint(address, machine.System.current(), systemd=os.path.isdir("/run/systemd/system"))


def _agree(environ: Mapping[str, str], version: Mapping[str, Any]) -> tuple[int, int]:
    """The version of the API to use: the engine's newest, up to NEWEST_API."""
    newest = _number(version["ApiVersion"])
    oldest = _number(version.get("MinAPIVersion") or "1.12")
    engine = f"Docker Engine {version.get('Version', '?')} supports API versions {_text(oldest)} to {_text(newest)}"
    if newest < OLDEST_API:
        raise EngineError(
            f"{engine}; Cloudlab needs {_text(OLDEST_API)}. Upgrade the engine to 20.10 or newer "
            "(https://docs.docker.com/engine/install/)."
        )
    if oldest > NEWEST_API:
        raise EngineError(
            f"{engine}; Cloudlab supports versions up to {_text(NEWEST_API)}. Upgrade Cloudlab, or set "
            f'"min-api-version": "{_text(NEWEST_API)}" in /etc/docker/daemon.json and restart the engine.'
        )
    asked = environ.get("DOCKER_API_VERSION")
    if not asked:
        return min(newest, NEWEST_API)
    return _asked(asked, engine, oldest, newest)


def _asked(asked: str, engine: str, oldest: tuple[int, int], newest: tuple[int, int]) -> tuple[int, int]:
    """The version of DOCKER_API_VERSION, if the engine and Cloudlab both support it."""
    try:
        api = _number(asked)
    except ValueError:
        raise EngineError(
            f"DOCKER_API_VERSION is {asked!r}, which is not a version such as {_text(newest)}. Unset it."
        ) from None
    if not oldest <= api <= newest:
        wrong = "newer" if api > newest else "older"
        raise EngineError(
            f"DOCKER_API_VERSION is {asked}, but {engine}; {asked} is {wrong}. Unset DOCKER_API_VERSION"
            + (", or upgrade the engine." if api > newest else ".")
        )
    if not OLDEST_API <= api <= NEWEST_API:
        raise EngineError(
            f"DOCKER_API_VERSION is {asked}, but Cloudlab supports {_text(OLDEST_API)} to {_text(NEWEST_API)}. "
            "Unset DOCKER_API_VERSION."
        )
    return api


def _number(text: str) -> tuple[int, int]:
    major, minor = text.strip().split(".")[:2]
    return int(major), int(minor)


def _text(api: tuple[int, int]) -> str:
    return f"{api[0]}.{api[1]}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all its causes; those of requests and urllib3 are also in `args` and `reason`."""
    pending, seen = [error], set()
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        linked = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        pending.extend(item for item in linked if isinstance(item, BaseException))


def _errno(error: BaseException) -> int | None:
    """The number of the system error that caused an SDK error, if there is one."""
    numbers = [item.errno for item in _causes(error) if isinstance(item, OSError) and isinstance(item.errno, int)]
    return numbers[-1] if numbers else None


def _root_cause(error: BaseException) -> str:
    *_, last = _causes(error)
    return str(last) or type(last).__name__


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _group(path: str) -> str:
    """The name of a socket's group; "docker" where it is unknown."""
    import grp

    try:
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    except (KeyError, OSError):
        return "docker"
