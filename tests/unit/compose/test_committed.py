"""The committed Compose files are current. The export needs no engine."""

import os
import subprocess

import pytest
import yaml

from cloudlab.compose import document, files, placeholders
from cloudlab.model import platform, settings


class _Tagged(yaml.SafeLoader):
    """A loader that ignores Compose tags."""


_Tagged.add_multi_constructor("!", lambda *_: None)

NAMES = (files.BASE, files.CONFIGS, files.OVERRIDE, files.ENGINE_25, document.NO_PROXIES, files.EXAMPLE)
# Maximum number of lines.
LINES = {files.BASE: 900, files.OVERRIDE: 550}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The directory of a new export, on a machine without an engine and without settings."""
    folder = tmp_path_factory.mktemp("export")
    nobody = {name: value for name, value in os.environ.items() if name.lower() not in settings.spec()}
    done = subprocess.run(
        ["ansible-playbook", "playbooks/export.yml", "--extra-vars", f"export_folder={folder}"],
        cwd=settings.ROOT,
        env=nobody | {"CLOUDLAB_ENV_FILE": "", "DOCKER_HOST": f"unix://{folder}/nothing.sock"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_file_is_what_the_export_writes(written, name):
    committed = (settings.ROOT / name).read_text(encoding="utf-8")
    assert committed == (written / name).read_text(encoding="utf-8"), "run: ansible-playbook playbooks/export.yml"


@pytest.mark.parametrize("name", LINES)
def test_the_file_has_a_readable_length(name):
    assert len((settings.ROOT / name).read_text(encoding="utf-8").splitlines()) < LINES[name]


def test_no_path_of_this_machine_is_in_them(written):
    for name in NAMES:
        assert str(settings.ROOT) not in (written / name).read_text(encoding="utf-8")


def test_every_role_of_a_component_is_in_the_list_that_the_playbooks_share():
    tasks = yaml.safe_load((settings.ROOT / "playbooks" / "tasks" / "components.yml").read_text(encoding="utf-8"))
    listed = {task["ansible.builtin.import_role"]["name"] for task in tasks}
    assert {entry["role"] for entry in platform.chosen({"CLOUDLAB_ENV_FILE": ""}).components.values()} == listed


def test_every_component_is_in_them():
    texts = [(settings.ROOT / name).read_text(encoding="utf-8") for name in (files.BASE, files.OVERRIDE)]
    written = [yaml.load(text, _Tagged) for text in texts]  # noqa: S506 - a safe loader
    services = {name for document in written for name in document["services"]}
    assert platform.chosen({"CLOUDLAB_ENV_FILE": ""}).components.keys() <= services


@pytest.mark.parametrize("file", [files.BASE, files.OVERRIDE])
def test_every_service_is_limited_and_hardened(file):
    document = yaml.load((settings.ROOT / file).read_text(encoding="utf-8"), _Tagged)  # noqa: S506 - a safe loader
    # A service in both files has only its differences in the second.
    complete = {name: service for name, service in document["services"].items() if "container_name" in service}
    assert complete
    for name, service in complete.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "pids_limit", "logging", "user"} <= service.keys(), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert service.get("read_only") or service.get("configs"), name


def test_the_example_is_valid_for_ansible_and_for_docker_compose():
    """Each key is a setting or a variable of Compose, and each variable of the Compose files is in it."""
    path = settings.ROOT / files.EXAMPLE
    assert set(settings.load({settings.ENV_FILE_VARIABLE: str(path)})) == set(settings.spec())
    expected = {"COMPOSE_PROFILES": "full", "DOCKER_GROUP": "0"}
    assert settings.compose_variables({settings.ENV_FILE_VARIABLE: str(path)}) == expected
    text = path.read_text(encoding="utf-8")
    for name in placeholders.values(settings.spec(), hostile=False):
        assert f"\n{name.upper()}=" in text
