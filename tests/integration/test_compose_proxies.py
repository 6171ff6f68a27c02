"""`proxies` of ~/.docker/config.json, which Docker Compose sets as variables in every container."""

import json
import os
import subprocess

import docker
import pytest
import stores
import yaml
from composed import PROGRAM
from lab import ROOT

INSTANCE = "test-proxies"
PROXY = "http://192.0.2.1:3128"
KINDS = ("httpProxy", "httpsProxy", "ftpProxy", "allProxy", "noProxy")


@pytest.fixture
def variables(tmp_path):
    """The variables of a container with these settings of a service, behind a proxy."""
    (tmp_path / "config.json").write_text(
        json.dumps({"proxies": {"default": dict.fromkeys(KINDS, PROXY)}}), encoding="utf-8"
    )
    environ = os.environ | {"DOCKER_CONFIG": str(tmp_path)}
    image = stores.image_of("base-trixie")

    def found(**settings):
        service = {"image": image, "command": ["true"], "network_mode": "none", "container_name": INSTANCE} | settings
        (tmp_path / "compose.yml").write_text(
            yaml.safe_dump({"name": INSTANCE, "services": {"probe": service}}), encoding="utf-8"
        )
        compose("create")
        listed = docker.APIClient(version="auto").inspect_container(INSTANCE)["Config"]["Env"]
        return dict(item.split("=", 1) for item in listed if "PROXY" in item.upper())

    def compose(*arguments):
        subprocess.run([PROGRAM, *arguments], cwd=tmp_path, env=environ, check=True, timeout=60)

    yield found
    compose("down")


def test_no_container_of_the_export_has_them(variables):
    assert set(variables().values()) == {PROXY}
    exported = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    [files] = {tuple(service["env_file"]) for service in exported.values()}
    assert set(variables(env_file=[str(ROOT / file) for file in files]).values()) == {""}
