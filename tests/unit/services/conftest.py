"""A small platform on disk, and a catalogue that it is added to."""

import pytest
import yaml

COMPONENTS = {
    "postgres": {"summary": "", "role": "postgres", "kind": "store"},
    "redis": {"summary": "", "role": "redis", "kind": "store", "values": ["host"]},
    "kafka": {"summary": "", "role": "kafka", "kind": "store"},
    "builder": {"summary": "", "role": "go_service", "kind": "tool"},
}


def describe(**changes):
    """The description of a service that is right, with changes."""
    service = {
        "summary": "Orders",
        "needs": ["postgres"],
        "ports": [{"name": "http", "container": 8080, "host": 8084}],
        "grpc": 9090,
        "schema": True,
        "go": {"main": "./cmd/order"},
        "env": {"PORT": "{self.port}"},
        "health": {"http": "/readyz"},
    } | changes
    return {key: value for key, value in service.items() if value is not None}


class Checkout:
    """A checkout with one module and two main packages."""

    def __init__(self, root):
        self.root = root
        self.write("go.mod", "module example.com/m\n")
        self.write("cmd/order/main.go", "package main\n\nfunc main() {}\n")
        self.write("cmd/mail/main.go", "// Package main sends mail.\npackage main\n\nfunc main() {}\n")
        self.write("internal/x/x.go", "package x\n")

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def describe(self, name="order", **changes):
        self.write("cloudlab.yml", yaml.safe_dump({"services": {name: describe(**changes)}}))


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def components():
    return COMPONENTS
