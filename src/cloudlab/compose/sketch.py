"""The picture of an environment on an engine that nobody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudlab.compose import placeholders
from cloudlab.model import environment, settings

# What is taken for granted of an engine that Compose will meet.
ENGINE = {
    # Compose refuses a limit above what the engine has; two are what the project asks for.
    "cpus": 2,
    "logs": placeholders.path("DOCKER_DATA_ROOT") + "/containers",
    # Empty: whoever asks it negotiates.
    "api": "",
    "socket": "/var/run/docker.sock",
    "socket_group": placeholders.variable("DOCKER_GROUP"),
}
HOLDINGS: dict[str, list] = {"containers": [], "networks": [], "volumes": []}


def describe(values: Mapping[str, Any], chosen: list[str], names: Iterable[str]) -> dict[str, Any]:
    """The variable `cloudlab`, see environment.describe. names: settings that the platform declares."""
    picture = environment.describe(settings.ROOT, values, chosen, HOLDINGS, ENGINE, platform_settings=names)
    # The group of volumes is root's.
    return {**picture, "directory": placeholders.DIRECTORY, "group": 0, "described": True}


def images(picture: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The variable `cloudlab` with the pinned images' names."""
    provided = {
        key: {"reference": placeholders.image(entry), "source": "registry", "state": "present", "reason": ""}
        for key, entry in entries.items()
    }
    return environment.with_images(picture, provided, entries)
