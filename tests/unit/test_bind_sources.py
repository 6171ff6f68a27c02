"""Where the files that containers mount are, on machines whose engine shares only some of theirs.

Colima shares the user's home. So whatever a role mounts lies in the checkout or the user's platform, or it is the
engine's own.
"""

import json
from pathlib import Path

import pytest
import rolefiles

from cloudlab.engine import machine
from cloudlab.engine import state as stock
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
    told = machine.engine_facts(RECORD["info"], RECORD["address"], machine.System(*RECORD["system"]))
    assert not told["here"]
    facts = {"version": "27.4.0", "api": "1.45", **told, "socket_group": stock.socket_group(told)}
    return rolefiles.project(tmp_path / "checkout", facts)


def containers(role, known):
    directory = Path(known["cloudlab"]["directory"])
    return rolefiles.specifications(role, EXPRESSIONS[role], known, directory, planning=True)


def binds(container):
    return [mount for mount in container.mounts if mount["type"] == "bind"]


def test_every_component_is_looked_at(known):
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


def test_those_who_ask_the_engine_have_the_socket_where_the_engine_has_it(known):
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


def test_a_platform_of_the_users_own_is_mounted_where_it_is(known, tmp_path):
    source = settings.ROOT / "tests" / "platform-second"
    assert (source / "cloudlab.yml").is_file()
    sources = {
        mount["source"]
        for container in containers("go_service", known | {"go_service_platform": str(source)})
        for mount in binds(container)
        if mount["target"] == "/src"
    }
    assert sources == {str(source)}
