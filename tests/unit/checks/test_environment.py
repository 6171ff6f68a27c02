"""All checks on an engine without objects of the environment."""

import socket

from cloudlab.gateway.model import Route
from cloudlab.model.checks import FAILED
from cloudlab.validate import environment
from cloudlab.validate.environment import Request


class EmptyEngine:
    """An engine without containers and networks."""

    def containers(self, **_):
        return []

    def networks(self):
        return []


def component(name, port):
    return {
        "summary": name,
        "kind": "service",
        "container": f"lab-{name}",
        "networks": ["back"],
        "ports": {"http": {"container": 8080, "host": port}},
        "memory": "64m",
    }


def test_missing_objects_are_reported_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = {
        "instance": "lab",
        "chosen": ["gateway", "shop"],
        "components": {name: component(name, port) for name in ("gateway", "shop")},
        "catalogue": {"gateway": {}, "shop": {}},
        "networks": {"back": {"name": "lab-back"}},
        "surplus": [],
        "unavailable": {},
    }
    missing = [
        {"container": f"lab-{name}", "action": "create", "reasons": ["it does not exist"]}
        for name in ("gateway", "shop")
    ]
    found = environment.run(
        EmptyEngine(),
        Request(
            context,
            plans={"all": {"actions": missing}},
            configuration={"files": ["rds.json"]},
            routes=[Route("shop", "/goods")],
            access={"shop": {"url": "http://{host}:{port}"}},
        ),
    )
    assert [(check.area, check.subject, check.state) for check in found] == [
        ("containers", "gateway", FAILED),
        ("containers", "shop", FAILED),
        ("networks", "back", FAILED),
    ]
