"""Pulls an image through the engine, with a time limit, and with retries after transient errors."""

import re
import time
from collections.abc import Callable
from typing import Any

import requests
import urllib3
from docker import auth
from docker.errors import DockerException
from docker.utils import parse_repository_tag

from cloudlab.engine import Client
from cloudlab.images import references
from cloudlab.images.registry import DENIED, cause

ATTEMPTS = 3
PAUSE_SECONDS = 2.0  # before the second attempt; twice as long before each further one
# Errors of a connection, unlike answers of a registry (no such image, no access).
_TRANSIENT = re.compile(
    r"time-?out|timed out|connection reset|connection refused|broken pipe|unexpected EOF|\bEOF\b|TLS handshake"
    r"|temporary failure|no route to host|network is unreachable|\b50[0234]\b|too ?many ?requests",
    re.IGNORECASE,
)

_FIXES = {
    "no space left": "free disk space of the engine (docker system df shows what uses it, docker system prune "
    "removes stopped containers and build caches of all projects, Docker Desktop has a disk limit in Settings > "
    "Resources)",
    "too ?many ?requests": "log in with docker login, which raises the limit, or run again later",
    DENIED: "log in with docker login",
}


class PullError(Exception):
    """An image could not be pulled. The message names the reference, the cause and the fix."""


def pull(client: Client, reference: str, timeout: float, report: Callable[[str], None]) -> str:
    """Pull `reference`, return the image's id.

    :param client: its timeout limits the wait for an engine that sends nothing.
    :param timeout: seconds for all attempts together.
    :param report: called with the progress, for example "12 of 80 MB".
    """
    deadline = time.monotonic() + timeout
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _pull_once(client, reference, deadline, report)
            return client.inspect_image(reference)["Id"]
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, DockerException) as error:
            text = cause(getattr(error, "explanation", "") or str(error))
            if time.monotonic() >= deadline:
                text = f"not finished within {timeout:g} s ({text})"
                raise PullError(_message(reference, text, "set IMAGE_PULL_TIMEOUT higher")) from None
            if attempt == ATTEMPTS or not _TRANSIENT.search(text):
                raise PullError(_message(reference, text, _fix(text))) from None
            report(f"attempt {attempt + 1} of {ATTEMPTS} ({text})")
            time.sleep(min(PAUSE_SECONDS * 2 ** (attempt - 1), max(deadline - time.monotonic(), 0)))
    raise AssertionError("the last attempt returns or raises")


def _pull_once(client: Client, reference: str, deadline: float, report: Callable[[str], None]) -> None:
    layers: dict[str, tuple[int, int]] = {}
    response = _request(client, reference, max(deadline - time.monotonic(), 1.0))
    try:
        for event in client.documents(response):
            if "error" in event:
                raise DockerException(f"{event['error']} ({_amount(layers)} received)" if layers else event["error"])
            if time.monotonic() > deadline:
                raise DockerException(_amount(layers))
            if _count(layers, event):
                report(_amount(layers))
            elif event.get("status", "").startswith("Retrying"):  # the engine resumes the layer
                report(f"{_amount(layers)}, connection lost, {event['status'].lower()}")
    finally:
        response.close()  # the engine cancels a pull when the connection is closed


def _request(client: Client, reference: str, patience: float) -> requests.Response:
    """Request a pull. The SDK's `pull` has no timeout for an engine that waits for a registry."""
    name, tag = parse_repository_tag(reference)
    host, _ = auth.resolve_repository_name(name)
    header = auth.get_config_header(client, host)
    return client.call(
        "/images/create",
        params={"fromImage": name, "tag": tag},
        headers={"X-Registry-Auth": header} if header else {},
        stream=True,
        timeout=min(client.timeout, patience),
    )


def _count(layers: dict[str, tuple[int, int]], event: dict[str, Any]) -> bool:
    """Record how much of a layer was received; whether that changed."""
    detail = event.get("progressDetail") or {}
    if event.get("status") == "Downloading" and detail.get("total"):
        layers[event["id"]] = (detail["current"], detail["total"])
        return True
    if event.get("status") == "Download complete" and event.get("id") in layers:
        total = layers[event["id"]][1]
        layers[event["id"]] = (total, total)
        return True
    return False


def _amount(layers: dict[str, tuple[int, int]]) -> str:
    done, total = (sum(values) / 1e6 for values in zip(*layers.values(), strict=True)) if layers else (0, 0)
    return f"{done:.0f} of {total:.0f} MB"


def _fix(text: str) -> str:
    """What helps against an engine's or a registry's error."""
    for pattern, fix in _FIXES.items():
        if re.search(pattern, text, re.IGNORECASE):
            return fix
    return "check the connection"


def _message(reference: str, text: str, fix: str) -> str:
    host, _ = references.split_host(reference)
    return (
        f"{reference} could not be pulled from {host}: {text}. Fix: {fix}, "
        "set REGISTRY_MIRROR to another registry, or IMAGE_SOURCE=packages to build images from packages."
    )
