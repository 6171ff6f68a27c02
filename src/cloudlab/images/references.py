"""Names of images in the forms of engines and registries. Pure."""

from collections.abc import Mapping
from typing import Any

DOCKER_HUB = "docker.io"


def registry_reference(image: Mapping[str, Any], mirror: str = "") -> str:
    """The full name of a pinned upstream image: host/path:tag, or host/path:tag@sha256:… when the lock has its digest.

    :param image: {"repository": "docker.io/library/postgres", "tag": "17.11"}, and "digest": "sha256:…" if locked.
    :param mirror: host[:port][/path] that replaces the registry's host.
    """
    host, path = split_host(image["repository"])
    name = f"{mirror.rstrip('/') or host}/{path}:{image['tag']}"
    return f"{name}@{image['digest']}" if image.get("digest") else name


def split_host(name: str) -> tuple[str, str]:
    """The registry's host and the path of an image's name; the default host is Docker Hub's."""
    first, _, rest = name.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return DOCKER_HUB, name if rest else f"library/{name}"


def familiar(reference: str) -> str:
    """The form in which an engine lists an image: postgres:17 for docker.io/library/postgres:17, or with a digest
    postgres@sha256:… (an image that was pulled by digest has no tag)."""
    name, at, digest = reference.removeprefix(f"{DOCKER_HUB}/").removeprefix("library/").partition("@")
    return f"{name.rpartition(':')[0]}@{digest}" if at else name
