"""What one command leaves behind."""

import json

import components
import pytest
import requests
from lab import ROOT

# They run only if a registry can be reached.
ONLY_FROM_A_REGISTRY = components.named(anywhere=False)


def test_everything_is_healthy(lab):
    assert {name for name in lab.present() if lab.is_healthy(name)} - ONLY_FROM_A_REGISTRY == components.named()


def test_a_second_run_changes_nothing(lab):
    before = lab.lives()
    assert lab.converge().changed == 0
    assert lab.lives() == before


def test_a_part_of_it_changes_nothing_either(lab):
    before = lab.lives()
    assert lab.converge("order").changed == 0
    assert lab.lives() == before


def test_check_mode_reports_no_change(lab):
    assert lab.playbook("dev", "--check", "--diff").changed == 0


def test_services_are_confined(lab):
    for name, container in lab.containers().items():
        host = container["HostConfig"]
        # Why these have to be root, without any capability, stands in their roles.
        assert container["Config"]["User"].split(":")[0] not in ("", "0", "root") or name in (
            "otel-collector",
            "portainer",
        )
        assert (host["CapDrop"], host["ReadonlyRootfs"], host["Init"]) == (["ALL"], True, True), name
        assert host["Memory"] > 0 and host["PidsLimit"] > 0, name
        for bindings in (host["PortBindings"] or {}).values():
            assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}, name


def test_the_page_tells_who_may_log_in(lab):
    page = json.loads((lab.directory / "environment.json").read_text(encoding="utf-8"))
    auth = next(row for row in page["components"] if row["component"] == "auth")
    gateway = next(row for row in page["components"] if row["component"] == "gateway")
    answer = requests.post(
        f"{gateway['url']}/api/v1/auth/login", json={"email": auth["user"], "password": auth["password"]}, timeout=10
    )
    assert answer.ok and answer.json()["access_token"]


def test_nothing_is_written_into_the_checkout(lab, checkout):
    original = ROOT / "files" / "platform"
    files = {path.relative_to(checkout) for path in checkout.rglob("*")}
    assert files == {path.relative_to(original) for path in original.rglob("*")}


@pytest.mark.parametrize("network", ["frontend", "monitoring", "build"])
def test_networks_have_only_documented_members(lab, network):
    name = f"{lab.instance}-{network}"
    on = {who for who, item in lab.containers().items() if name in item["NetworkSettings"]["Networks"]}
    assert on - ONLY_FROM_A_REGISTRY == components.members(network) - ONLY_FROM_A_REGISTRY
