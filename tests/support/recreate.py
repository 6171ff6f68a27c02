"""Recreates a container with another configuration, without Ansible."""

from collections.abc import Callable
from typing import Any

from lab import Lab


def recreate(lab: Lab, component: str, alter: Callable[[dict[str, Any]], object]) -> None:
    """Recreate and start the component's container with the configuration that `alter` changes.

    The configuration is that of POST /containers/create: the fields of Config, with HostConfig and NetworkingConfig.
    """
    item = lab.inspect(component)
    networks = {
        name: {"Aliases": [component], "IPAMConfig": network["IPAMConfig"]}
        for name, network in item["NetworkSettings"]["Networks"].items()
    }
    config = item["Config"] | {"HostConfig": item["HostConfig"], "NetworkingConfig": {"EndpointsConfig": networks}}
    alter(config)
    name = lab.container(component)
    lab.client.remove_container(name, force=True)
    lab.client.create_container_from_config(config, name)
    lab.client.start(name)
