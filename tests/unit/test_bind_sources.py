"""Files that containers mount, on machines whose engine only shares some folders.

Colima shares the user's home. So whatever a role mounts lies in the checkout or the user's platform, or it is the
engine's own.
"""

import json
from pathlib import Path

import pytest
import rolefiles

from cloudlab.engine import machine, state
from cloudlab.model import settings

EXPRESSIONS = rolefiles.expressions()
RECORD = json.loads((Path(__file__).parent / "machines" / "colima.json").read_text(encoding="utf-8"))


@pytest.fixture
def certificates(tmp_path, monkeypatch):
    """The system's certificates, outside of everything that is shared."""
    path = tmp_path / "etc" / "ssl" / "cert.pem"
    path.parent.mkdir(parents=True)
    # Comments of some bundles are in no encoding that Python would guess, and lines may end as on Windows.
    path.write_bytes(b"# T\xfcrktrust\r\n-----BEGIN CERTIFICATE-----\r\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


@pytest.fixture
def known(tmp_path, certificates, monkeypatch):
    """A run on a Mac with Colima, where nothing is at /var/run/docker.sock."""
    monkeypatch.setattr(machine, "SOCKET", str(tmp_path / "only-in-the-virtual-machine" / "docker.sock"))
    known_facts = machine.engine_facts(RECORD["info"], RECORD["address"], machine.System(*RECORD["system"]))
    assert not known_facts["here"]
    facts = {"version": "27.4.0", "api": "1.45", **known_facts, "socket_group": state.socket_group(known_facts)}
    return rolefiles.project(tmp_path / "checkout", facts)


def containers(role, known):
    directory = Path(known["cloudlab"]["directory"])
    return rolefiles.specifications(role, EXPRESSIONS[role], known, directory, planning=True)


def binds(container):
    return [mount for mount in container.mounts if mount["type"] == "bind"]


def test_every_component_is_tested(known):
    found = {container.component for role in EXPRESSIONS for container in containers(role, known)}
    assert found == set(known["cloudlab"]["chosen"])


@pytest.mark.parametrize("role", EXPRESSIONS)
def test_every_file_that_is_mounted_is_shared_with_the_engine(role, known, tmp_path):
    """Preparing the specifications also fails for a source that this machine does not have."""
    shared = (settings.ROOT, tmp_path / "checkout")
    for container in containers(role, known):
        for mount in binds(container):
            inside = any(Path(mount["source"]).is_relative_to(folder) for folder in shared)
            assert inside or mount.get("on_engine"), (container.name, mount["source"])


def test_containers_that_use_the_engine_mount_its_socket_at_the_engines_path(known):
    found = {
        container.component: mount["source"]
        for role in ("dashboard", "tools", "observability")
        for container in containers(role, known)
        for mount in binds(container)
        if mount["target"].endswith("docker.sock")
    }
    assert found == dict.fromkeys(("dashboard", "portainer", "otel-collector"), machine.SOCKET)


def test_the_builder_has_a_copy_of_the_certificates(known, certificates):
    [builder] = [container for container in containers("go_service", known) if container.component == "builder"]
    [copy] = [file for file in builder.files if file.copy]
    assert copy.octets == certificates.read_bytes()
    assert builder.options["env"]["SSL_CERT_FILE"] == copy.target
    certificates.write_text("renewed")
    [renewed] = [container for container in containers("go_service", known) if container.component == "builder"]
    assert renewed.hash != builder.hash


def test_another_platform_is_mounted_from_its_own_folder(known, tmp_path):
    source = settings.ROOT / "tests" / "platform-second"
    assert (source / "cloudlab.yml").is_file()
    sources = {
        mount["source"]
        for container in containers("go_service", known | {"go_service_platform": str(source)})
        for mount in binds(container)
        if mount["target"] == "/src"
    }
    assert sources == {str(source)}


def test_containers_of_an_engine_that_remaps_users_mount_nothing_of_it(tmp_path):
    record = json.loads((Path(__file__).parent / "machines" / "debian.json").read_text(encoding="utf-8"))
    info = record["info"] | {"SecurityOptions": ["name=userns"]}
    facts = machine.engine_facts(info, record["address"], machine.System(*record["system"]))
    known = rolefiles.project(tmp_path, {"version": "28.5.2", "api": "1.45", **facts, "socket_group": ""})
    mounts = [mount for role in EXPRESSIONS for container in containers(role, known) for mount in binds(container)]
    assert mounts and not [mount for mount in mounts if mount.get("on_engine")]
