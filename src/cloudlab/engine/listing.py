"""Questions to the engine about containers and images."""

import io
import tarfile
from collections.abc import Callable, Mapping
from typing import Any

from docker import APIClient
from docker.errors import NotFound

from cloudlab.model.environment import LABEL_INSTANCE


def of_instance(client: APIClient, instance: str) -> list[dict[str, Any]]:
    """The containers of an instance, in any state."""
    return client.containers(all=True, filters={"label": f"{LABEL_INSTANCE}={instance}"})


def is_running(container: Mapping[str, Any]) -> bool:
    """Whether an inspected container runs and is not paused."""
    return container["State"]["Status"] == "running" and not container["State"]["Paused"]


def or_none(ask: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The engine's answer to a request; None for an object that does not exist."""
    try:
        return ask(*arguments, **options)
    except NotFound:
        return None


def file_content(client: APIClient, container: str, path: str) -> bytes:
    """The content of a regular file in a container. Raises NotFound."""
    chunks, _ = client.get_archive(container, path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member else None
        if file is None:
            raise NotFound(f"{path} in container {container} is not a file")
        return file.read()
