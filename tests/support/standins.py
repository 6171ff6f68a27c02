"""Images that replace upstream images without a package form: see tests/standins."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import docker
from lab import ROOT

from cloudlab.images import contexts

SOURCES = ROOT / "tests" / "standins"
BUILD_SECONDS = 300
# Catalogue key of the image -> its folder.
FOLDERS = {"clickhouse-ui": "ch-ui"}


def base() -> str:
    """An image with a shell and wget, built by the step `images` of test.sh."""
    return contexts.load(ROOT / "files" / "images", ["nginx"])["nginx"].reference


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
        for line in client.build(path=directory, tag=tag, buildargs={"BASE": base()}, rm=True, decode=True):
            assert "error" not in line, line["error"]
    return tag
