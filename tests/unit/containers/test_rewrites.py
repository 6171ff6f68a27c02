"""Containers of engines in virtual machines, whose inspection differs from the request as recorded in `engines/`."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path

import pytest
from container_samples import API

from cloudlab.containers import declaration, rewrites
from cloudlab.containers.plan import Situation, plan
from cloudlab.containers.spec import LABEL_HASH

HERE = Path(__file__).parent
ENGINES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in HERE.glob("engines/*.json")}
DESKTOP = sorted(name for name in ENGINES if name.startswith("docker-desktop"))
# Where the recorded container's files were.
RECORDED = "/home/dev/shop"


class Inspected:
    """One engine's inspection of the recorded container, with the specification that it was made from."""

    def __init__(self, engine: str, checkout: str = ""):
        record = ENGINES[engine]
        recorded = (HERE / "inspected.json").read_text(encoding="utf-8")
        document = json.loads(recorded.replace(RECORDED, record["checkout"]))
        raw = document["spec"]
        if checkout:  # another one than the container was made in
            raw = json.loads(json.dumps(raw).replace(record["checkout"], checkout))
        [self.spec] = declaration.parse([raw], "lab")
        self.image, self.container = document["image"], copy.deepcopy(document["container"])
        self.labels = self.container["Config"]["Labels"]
        # Always the hash of the specification, so that only visible differences count.
        self.labels |= record["labels"] | {LABEL_HASH: self.spec.hash}
        for target, source in record["sources"].items():
            self.mount(target, source)

    def mount(self, target: str, source: str) -> None:
        """Replace the source that is reported for a target, in both places."""
        asked = [item for item in self.container["HostConfig"]["Mounts"] if item["Target"] == target]
        made = [item for item in self.container["Mounts"] if item["Destination"] == target]
        assert len(asked) == len(made) == 1
        asked[0]["Source"] = made[0]["Source"] = source

    def forget_originals(self) -> None:
        """Take away the labels that name the sources that were asked for."""
        for name in [name for name in self.labels if "/binds/" in name]:
            del self.labels[name]

    def reasons(self) -> list[str]:
        """Why the container would be changed."""
        have = Situation(container=self.container, image=self.image, networks={"lab-front": "net1"})
        return [reason for step in plan(self.spec, have, "started", API).changes for reason in step.reasons]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_unchanged_container_is_not_changed(engine):
    assert Inspected(engine).reasons() == []


@pytest.mark.parametrize("engine", DESKTOP)
def test_without_the_labels_of_its_sources_too(engine):
    inspected = Inspected(engine)
    inspected.forget_originals()
    assert inspected.reasons() == []


@pytest.mark.parametrize("engine", DESKTOP)
def test_where_only_the_result_is_rewritten(engine):
    inspected = Inspected(engine)
    for asked in inspected.container["HostConfig"]["Mounts"]:
        for declared in inspected.spec.mounts:
            if declared["target"] == asked["Target"]:
                asked["Source"] = declared["source"]
    assert inspected.reasons() == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("labelled", [True, False])
def test_files_of_another_checkout_are_noticed(engine, labelled):
    inspected = Inspected(engine, checkout="/Users/dev/other")
    if not labelled:
        inspected.forget_originals()
    assert inspected.reasons() == [
        f"mounts: {target} has another value" for target in ("/etc/app.conf", "/src", "/srv/page")
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_socket_that_is_not_the_engines_is_noticed(engine):
    inspected = Inspected(engine)
    inspected.forget_originals()
    inspected.mount("/engine/docker.sock", "/host_mnt/Users/dev/impostor.sock")
    assert inspected.reasons() == ["mounts: /engine/docker.sock has another value"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_label_that_no_engine_adds_is_noticed(engine):
    inspected = Inspected(engine)
    inspected.labels["docker.io/extra"] = "1"
    assert inspected.reasons() == ["labels: docker.io/extra is not in the specification"]


def test_an_added_label_that_an_image_brought_along_is_not_missed():
    """`docker commit` keeps the labels of the container."""
    inspected = Inspected("docker-desktop-macos")
    inspected.image["Config"]["Labels"] = {"desktop.docker.io/binds/7/Source": "/Users/somebody"}
    assert inspected.reasons() == []


def test_a_declared_label_counts_whoever_else_uses_its_prefix():
    labels = {"desktop.docker.io/ports.scheme": "v2", "desktop.docker.io/wsl-distro": "Ubuntu", "maker": "x"}
    assert rewrites.without_added(labels, {"desktop.docker.io/wsl-distro": "Debian"}) == {
        "desktop.docker.io/wsl-distro": "Ubuntu",
        "maker": "x",
    }


BINDS = "desktop.docker.io/binds"
OTHER = hashlib.sha256(b"/tmp/other").hexdigest()


@pytest.mark.parametrize(
    ("found", "declared", "labels", "same"),
    [
        ("/host_mnt/private/tmp/shop", "/tmp/shop", {}, True),
        ("/host_mnt/private/var/folders/x", "/var/folders/x", {}, True),
        ("/host_mnt/private/Users/dev", "/Users/dev", {}, False),
        ("/socket_mnt/Users/dev/agent.sock", "/Users/dev/agent.sock", {}, True),
        ("/host_mnt/Users/dev/shop2", "/Users/dev/shop", {}, False),
        ("/Users/dev/shop", "/host_mnt/Users/dev/shop", {}, False),
        (f"/run/desktop/mnt/host/wsl/docker-desktop-bind-mounts/Ubuntu/{OTHER}", "/tmp/shop", {}, False),
        # A symbolic link of this machine: the proxy has followed it, and the label says from where.
        (
            "/host_mnt/Volumes/work/shop",
            "/Users/dev/shop",
            {f"{BINDS}/3/Target": "/src", f"{BINDS}/3/Source": "/Users/dev/shop"},
            True,
        ),
        # Labels of another mount, of another source, and of an engine that rewrites nothing.
        (
            "/host_mnt/Volumes/work/shop",
            "/Users/dev/shop",
            {f"{BINDS}/3/Target": "/srv", f"{BINDS}/3/Source": "/Users/dev/shop"},
            False,
        ),
        (
            "/host_mnt/Volumes/work/shop",
            "/Users/dev/shop",
            {f"{BINDS}/3/Target": "/src", f"{BINDS}/3/Source": "/Users/dev/other"},
            False,
        ),
        (
            "/home/dev/other",
            "/home/dev/shop",
            {f"{BINDS}/3/Target": "/src", f"{BINDS}/3/Source": "/home/dev/shop"},
            False,
        ),
    ],
)
def test_forms_of_a_source(found, declared, labels, same):
    assert rewrites.is_source(found, declared, "/src", labels) is same


def test_the_hash_is_the_reported_one():
    """docker/for-win#4812: `docker run -v /tmp/test/:/test` in Ubuntu-18.04."""
    found = (
        "/run/desktop/mnt/host/wsl/docker-desktop-bind-mounts/Ubuntu-18.04/"
        "abac646bc3d6076b3e0f0186c13b917b3ab78993ca80a2aaceacac3c911d9369"
    )
    assert rewrites.is_source(found, "/tmp/test/", "/test", {})
