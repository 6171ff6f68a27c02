"""Images that stand in for upstream images: see tests/standins."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
from lab import ROOT

from cloudlab.images import contexts

SOURCES = ROOT / "tests" / "standins"
CONTRACTS = SOURCES / "contracts"
BUILD_SECONDS = 300
# Catalogue key of the image -> its folder.
FOLDERS = {"clickhouse-ui": "ch-ui", "kafka-ui": "kafka-ui", "kibana": "kibana", "portainer": "portainer"}
# The same key -> the image from packages that has the programs of the upstream image: a shell with wget, or with curl.
BASES = {"kibana": "elasticsearch"}


def image(client: docker.APIClient, key: str, packages: Mapping[str, str]) -> str:
    """What stands in for the upstream image `key`: a program of ours, or the image from packages with its contract.

    :param packages: key -> image from packages. Returns the reference.
    """
    return build(client, key) if key in FOLDERS else with_contract(client, key, packages[key])


def with_contract(client: docker.APIClient, key: str, package: str) -> str:
    """The image from packages `package` with what the upstream image `key` has and lacks; returns its reference.

    One without a contract is used as it is.
    """
    contract = CONTRACTS / f"{key}.Dockerfile"
    if not contract.exists():
        return package
    tag = f"cloudlab-test/{key}:contract"
    with contract.open("rb") as file:
        _build(client, tag, package, fileobj=file)
    return tag


def base(context: str = "nginx") -> str:
    """An image built by the step `images` of test.sh; the default has a shell and wget."""
    return contexts.load(ROOT / "files" / "images", [context])[context].reference


def build(client: docker.APIClient, key: str) -> str:
    """Build the stand-in for the image `key`; returns its reference."""
    folder = FOLDERS[key]
    tag = f"cloudlab-test/{folder}:standin"
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(SOURCES / folder / "Dockerfile", directory)
        subprocess.run(
            ["go", "build", "-trimpath", "-o", Path(directory) / folder, f"./{folder}"],
            cwd=SOURCES,
            env=os.environ | {"CGO_ENABLED": "0"},
            check=True,
            timeout=BUILD_SECONDS,
        )
        _build(client, tag, base(BASES.get(key, "nginx")), path=directory)
    return tag


def _build(client: docker.APIClient, tag: str, parent: str, **source: Any) -> None:
    # The label lets tests/support/leftovers.py remove it.
    labels = {"cloudlab.test": "standin"}
    for line in client.build(tag=tag, buildargs={"BASE": parent}, labels=labels, rm=True, decode=True, **source):
        assert "error" not in line, line["error"]
