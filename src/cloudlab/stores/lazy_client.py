"""A client of the Docker Engine that connects on first use: a store that answers needs no engine."""

from functools import cached_property
from typing import Any

from docker import APIClient

from cloudlab import engine


class LazyClient:
    """A proxy of the engine's APIClient; every use may also raise engine.EngineError."""

    @cached_property
    def _client(self) -> APIClient:
        return engine.connect().client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def close(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()


def is_running(client: LazyClient, container: str) -> bool:
    """Whether the container exists and runs, and is not paused."""
    found = client.containers(filters={"name": f"^/{container}$"})
    return any(item["State"] == "running" for item in found)
