"""Questions to the engine about containers and images."""

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
