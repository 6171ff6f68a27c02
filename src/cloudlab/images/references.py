"""Names of images in the forms of engines and registries. Pure."""

from collections.abc import Mapping
from typing import Any

DOCKER_HUB = "docker.io"


def registry_reference(image: Mapping[str, Any], mirror: str = "") -> str:
    """The full name of a pinned upstream image: host/path:tag, or host/path@sha256:… when a digest pins it.

    :param image: {"repository": "docker.io/library/postgres", "tag": "17.11", "digest": "" or "sha256:…"}
    :param mirror: host[:port][/path] that replaces the registry's host.
    """
    host, path = split_host(image["repository"])
    name = f"{mirror.rstrip('/') or host}/{path}"
    return f"{name}@{image['digest']}" if image.get("digest") else f"{name}:{image['tag']}"


def split_host(name: str) -> tuple[str, str]:
    """The registry's host and the path of an image's name; the default host is Docker Hub's."""
    first, _, rest = name.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return DOCKER_HUB, name if rest else f"library/{name}"


def familiar(reference: str) -> str:
    """The short form in which an engine lists images of Docker Hub: postgres:17 for docker.io/library/postgres:17."""
    return reference.removeprefix(f"{DOCKER_HUB}/").removeprefix("library/")
