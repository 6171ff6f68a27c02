"""A container made anew by hand, altered: as somebody does who inspects one and runs it again with another option."""

from collections.abc import Callable
from typing import Any

from lab import Lab


def remake(lab: Lab, component: str, alter: Callable[[dict[str, Any]], object]) -> None:
    """Replace the component's container by one with the configuration that `alter` changed, and start it.

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
