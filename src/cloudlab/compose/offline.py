"""The run context without an engine, for the export."""

from collections.abc import Iterable, Mapping
from typing import Any

from cloudlab.compose import placeholders
from cloudlab.model import environment, settings
from cloudlab.model.catalogue import Exclusions

# Assumed facts of the engine that Compose will use.
ENGINE = {
    # Compose rejects a limit above the number of CPUs; the project requires two.
    "cpus": 2,
    "logs": placeholders.path("DOCKER_DATA_ROOT") + "/containers",
    # Empty: clients negotiate the version.
    "api": "",
    "socket": "/var/run/docker.sock",
    "socket_group": placeholders.variable("DOCKER_GROUP"),
}
HOLDINGS: dict[str, list] = {"containers": [], "networks": [], "volumes": []}


def describe(
    values: Mapping[str, Any], chosen: list[str], names: Iterable[str], excluded: Exclusions
) -> dict[str, Any]:
    """The variable `cloudlab`, see environment.describe. names: settings that the platform declares."""
    context = environment.describe(
        settings.ROOT, values, chosen, HOLDINGS, ENGINE, platform_settings=names, excluded=excluded
    )
    # Volumes belong to root's group.
    return {**context, "directory": placeholders.DIRECTORY, "group": 0, "described": True}


def images(context: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The variable `cloudlab` with the names of the pinned images."""
    provided = {
        key: {"reference": placeholders.image(entry), "source": "registry", "state": "present", "reason": ""}
        for key, entry in entries.items()
    }
    return environment.with_images(context, provided, entries)
