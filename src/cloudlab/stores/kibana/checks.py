"""Checks of Kibana's data views."""

from collections.abc import Mapping
from typing import Any

from cloudlab.model.checks import Check, converge, verdict
from cloudlab.stores import readiness
from cloudlab.stores.kibana.objects import declare, plan
from cloudlab.stores.kibana.server import Server
from cloudlab.stores.lazy_client import LazyClient

STORE = "kibana"


def check(arguments: Mapping[str, Any], docker: LazyClient) -> tuple[list[Check], dict[str, Any]]:
    """A check for each data view that is missing or differs; there are no other findings."""
    declared = declare(arguments)
    server = Server(arguments["url"], arguments["user"], arguments["password"])
    readiness.wait_until(docker, arguments["container"], server.ready)
    missing = plan(declared, server.state(declared))
    return [verdict(STORE, f"data view {name}", "not as declared", converge(STORE)) for name in missing], {}
