"""Engines in virtual machines that share the home folder: an environment is converged once, and once more
without a change; it is validated and described; and drift is found in spite of what they rewrite.

The components are those that mount files of the checkout, certificates of the system, or what only the engine has: its
socket and its logs.

OrbStack differs from Colima in its names and in the group of its socket. Tests that depend on neither do not repeat for
it, because each product takes more than a minute.
"""

import os
import subprocess
import urllib.error
import urllib.request

import caches
import desktops
import docker
import pytest
from lab import ROOT, Lab
from recreate import recreate

from cloudlab.images import trust
from cloudlab.services.base import CA_BUNDLE

VALIDATED = ("postgres", "redis", "gateway", "redis-commander", "dashboard", "mail-web")
# Without the stores of logs and metrics, the collector is right to report errors.
COMPONENTS = (*VALIDATED, "otel-collector")
# The checkout's parent is the user's home folder.
HOME = ROOT.parent
FOLDER = "/srv/environment"
WITHOUT_ORBSTACK = pytest.mark.parametrize("desktop", ["docker-desktop", "colima"], indirect=True)


@pytest.fixture(scope="module", params=desktops.PRODUCTS)
def desktop(request, tmp_path_factory):
    """The engine of a product."""
    with desktops.Desktop(request.param, HOME, tmp_path_factory.mktemp("engine")) as found:
        yield found


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A file with the certificates that this machine trusts, outside of everything that is shared."""
    path = tmp_path_factory.mktemp("trusted") / "certificates.pem"
    path.write_bytes(trust.ca_bundle(os.environ) or b"# This machine trusts none.\n")
    return path


@pytest.fixture(scope="module")
def lab(desktop, certificates, tmp_path_factory):
    """The scenario's instance on that engine. It begins without containers, and with the data of the one before."""
    environ = dict(os.environ) | {
        "DOCKER_HOST": desktop.address,
        "HOME": str(HOME),
        # So that Ansible does not write to that home folder.
        "ANSIBLE_HOME": str(tmp_path_factory.mktemp("ansible")),
        "SSL_CERT_FILE": str(certificates),
    }
    found = Lab(environ)
    found.client = docker.APIClient(base_url=desktop.address, version="auto")
    caches.provide(found)
    yield found
    for container in found.containers().values():
        found.client.remove_container(container["Id"], force=True)


def test_a_second_converge_changes_nothing(lab):
    lab.converge(*COMPONENTS)
    before = lab.identities()
    again = lab.playbook("dev", "--diff", "--tags", ",".join(COMPONENTS))
    assert again.changed == 0, again.output
    assert lab.identities() == before
    assert set(COMPONENTS) <= set(before)


def test_every_bind_mount_is_shared_or_the_engines_own(desktop, lab):
    real = docker.APIClient(version="auto")
    sources = {
        mount["Source"]
        for container in lab.containers().values()
        for mount in real.inspect_container(container["Id"])["Mounts"]
        if mount["Type"] == "bind"
    }
    own = {source for source in sources if not source.startswith(f"{HOME}/")}
    assert own == {desktop.socket, f"{desktop.data_root}/containers"}


def test_the_builder_mounts_a_copy_of_the_certificates(desktop, lab):
    sources = [mount["Source"] for mount in lab.inspect("builder")["Mounts"] if mount["Destination"] == CA_BUNDLE]
    assert [os.path.dirname(source) for source in sources] == [
        f"{desktop.product.sources}{lab.directory}/config/builder"
    ]


@WITHOUT_ORBSTACK
def test_it_is_validated(lab):
    command = [str(ROOT / "scripts" / "validate.sh"), "--tags", ",".join(VALIDATED)]
    done = subprocess.run(
        command, env=lab.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@WITHOUT_ORBSTACK
def test_it_is_described(lab):
    assert f"127.0.0.1:{lab.port('dashboard', 'http')}" in lab.playbook("describe").output


def test_the_dashboard_asks_the_engine_where_its_group_may(desktop, lab):
    """Where the socket belongs to another group, the dashboard says that it shows the states of the last run."""
    url = f"http://127.0.0.1:{lab.port('dashboard', 'http')}/engine/containers"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    may = desktop.product.socket_group == 0 or os.getuid() != 0
    assert status == (200 if may else 502)


@WITHOUT_ORBSTACK
def test_drift_is_repaired(desktop, lab):
    def another_source(config):
        for mount in config["HostConfig"]["Mounts"]:
            # A client names the source as it is on this machine.
            mount["Source"] = mount["Source"].removeprefix(desktop.product.sources)
            if mount["Source"] == desktop.product.socket:
                mount["Source"] = desktops.SOCKET
            if mount["Target"] == FOLDER:
                mount["Source"] = str(ROOT / "docs")

    before = lab.identities()
    lab.client.stop(lab.container("redis"))
    recreate(lab, "dashboard", another_source)
    altered = lab.identities()["dashboard"]
    run = lab.playbook("dev", "--diff", "--tags", ",".join(COMPONENTS))
    assert f"{desktop.product.sources}{ROOT}/docs" in run.output
    after = lab.identities()
    assert after["dashboard"] != altered
    assert {name for name in after if after[name] != before[name]} == {"redis", "dashboard"}
    [folder] = [mount for mount in lab.inspect("dashboard")["Mounts"] if mount["Destination"] == FOLDER]
    assert folder["Source"] == f"{desktop.product.sources}{lab.directory}/page"
