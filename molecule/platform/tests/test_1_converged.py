"""What one command leaves behind."""

import json

import documented
import pytest
import requests
import role_checks
from lab import ROOT

from cloudlab.images import references

EXPECTED = documented.of_profile("full")


def test_everything_that_is_documented_runs(lab):
    assert lab.present() == EXPECTED


@pytest.mark.parametrize("component", sorted(EXPECTED))
def test_it_runs_as_documented(host, lab, component):
    role_checks.assert_as_documented(host, lab, component)
    role_checks.assert_confined(host, lab, component)


def test_every_container_runs_the_pinned_upstream_image(lab):
    values = lab.values
    pinned = {name: values["images"][values["catalogue"][name]["image"]] for name in EXPECTED}
    assert {name: lab.inspect(name)["Config"]["Image"] for name in EXPECTED} == {
        name: references.registry_reference(image, values["registry_mirror"]) for name, image in pinned.items()
    }


def test_the_images_leave_no_anonymous_volume(lab):
    """Where an image declares a volume and nothing is mounted, the engine makes one that nobody removes."""
    mounts = [(name, mount) for name, item in lab.containers().items() for mount in item["Mounts"]]
    volumes = {name: mount["Name"] for name, mount in mounts if mount["Type"] == "volume"}
    assert {name: volume for name, volume in volumes.items() if not volume.startswith(lab.instance)} == {}
    assert volumes


@pytest.mark.parametrize("network", sorted({row["network"] for row in documented.table("Networks")}))
def test_networks_connect_only_who_needs_them(lab, network):
    name = f"{lab.instance}-{network}"
    on = {who for who, item in lab.containers().items() if name in item["NetworkSettings"]["Networks"]}
    assert on == documented.members(network)


def test_converging_a_part_of_it_changes_nothing(lab):
    before = lab.identities()
    assert lab.converge("order").changed == 0
    assert lab.identities() == before


def test_check_mode_reports_no_change(lab):
    assert lab.playbook("dev", "--check", "--diff").changed == 0


def test_the_documented_account_can_log_in(lab):
    document = json.loads((lab.directory / "environment.json").read_text(encoding="utf-8"))
    auth = next(row for row in document["components"] if row["component"] == "auth")
    answer = requests.post(
        f"http://127.0.0.1:{role_checks.port_of(lab, 'gateway', 'http')}/api/v1/auth/login",
        json={"email": auth["user"], "password": auth["password"]},
        timeout=10,
    )
    assert answer.ok and answer.json()["access_token"]


def test_nothing_is_written_into_the_checkout(checkout):
    original = ROOT / "files" / "platform"
    files = {path.relative_to(checkout) for path in checkout.rglob("*")}
    assert files == {path.relative_to(original) for path in original.rglob("*")}
