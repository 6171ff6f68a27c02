"""The engine's list of containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker import APIClient

from cloudlab.model.environment import LABEL_INSTANCE


def of_instance(client: APIClient, instance: str) -> list[dict[str, Any]]:
    """The containers of an instance, in any state."""
    return client.containers(all=True, filters={"label": f"{LABEL_INSTANCE}={instance}"})


def name_of(container: Mapping[str, Any]) -> str:
    """The name of a container in the list."""
    return container["Names"][0].lstrip("/")
