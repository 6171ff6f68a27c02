"""The Docker Engine, connected to on first use: a store that answers at once costs no call to the engine."""

from functools import cached_property

from docker import APIClient

from cloudlab import engine


class LazyEngine:
    """Stands for a DockerClient where only ``client.api`` is used, as in :mod:`cloudlab.stores.readiness`.

    ``api`` raises engine.EngineError when the engine cannot be had.
    """

    @cached_property
    def api(self) -> APIClient:
        return engine.connect().client

    def running(self, container: str) -> bool:
        """Whether the container exists and can answer; raises docker.errors.DockerException."""
        found = self.api.containers(filters={"name": f"^/{container}$"})
        return any(item["State"] == "running" for item in found)

    def close(self) -> None:
        if "api" in self.__dict__:
            self.api.close()
