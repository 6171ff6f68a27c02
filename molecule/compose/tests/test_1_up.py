"""`cp .env.example .env && docker compose up -d` brings up the environment, and nobody can tell how it came up."""

import subprocess

import browser
import composed
import documented
import pytest
import requests
from lab import ROOT
from playwright.sync_api import expect

SECONDS = 600
LEFT_OUT = composed.LEFT_OUT
TOOLS = documented.tools() - {LEFT_OUT} | {"dashboard"}


def names(lab, *kinds):
    """The components of these kinds."""
    return [name for name, entry in lab.values["catalogue"].items() if entry["kind"] in kinds]


def test_everything_becomes_healthy(up):
    wanted = {*names(up, "store", "gateway", "service", "observability"), *TOOLS}
    for name in wanted:
        up.wait_until_healthy(name, SECONDS)
    assert {*wanted, "builder"} <= up.present()


def test_a_tool_comes_by_its_own_name(up):
    assert LEFT_OUT not in up.present()


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_a_tool_answers_where_it_is_published(up, name):
    assert requests.get(f"http://127.0.0.1:{up.port(name, 'http')}", timeout=30).ok


def test_the_page_shows_everything_as_it_is(up):
    with browser.page() as page:
        page.goto(f"http://127.0.0.1:{up.port('dashboard', 'http')}")
        expect(page.locator("#facts")).to_have_text("started by Docker Compose · passwords are in .env")
        for name in sorted(up.values["catalogue"]):
            state = "absent" if name == LEFT_OUT else "healthy"
            expect(page.locator(f"#component-{name} .state")).to_have_text(state)
        # The programs that filled the stores have ended, which is no problem.
        expect(page.locator("#problems")).to_be_hidden()
        expect(page.locator(".card")).to_have_count(len(up.values["catalogue"]))


def test_the_stores_were_filled_by_programs_that_have_ended(up):
    shots = {name: item["State"] for name, item in up.containers().items() if name.endswith("-init")}
    stores = ("postgres", "kafka", "clickhouse", "elasticsearch", "kibana")
    assert shots.keys() == {f"{store}-init" for store in stores}
    assert {(state["Status"], state["ExitCode"]) for state in shots.values()} == {("exited", 0)}


def test_the_playbooks_can_look_at_it(up):
    page = up.playbook("describe").output
    for name in names(up, "store", "gateway", "service", "observability"):
        assert f"\n{name} " in page
    assert up.playbook("validate", "--extra-vars", "stores_only=true").status == 0


def test_an_order_travels_through_everything(up):
    up.playbook("describe")
    done = subprocess.run(
        [ROOT / "scripts" / "test-service-communication.sh"],
        cwd=ROOT,
        env=up.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_a_converge_does_not_take_it_over(up):
    before = up.identities()
    run = up.playbook("dev", status=None)
    assert run.status != 0
    assert "was started by Docker Compose" in run.output
    assert "docker compose down" in run.output
    assert up.identities() == before


def test_nothing_but_loopback_is_published(up):
    for item in up.containers().values():
        for sides in (item["HostConfig"]["PortBindings"] or {}).values():
            assert {side["HostIp"] for side in sides} == {"127.0.0.1"}


def test_limits_and_hardening_are_those_of_the_converge(up):
    for name in names(up, "store", "gateway", "service"):
        wanted, host = up.component(name)["spec"], up.inspect(name)["HostConfig"]
        assert host["PidsLimit"] == wanted["pids_limit"]
        assert host["Memory"] == host["MemorySwap"] > 0
        assert (host["CapDrop"], host["SecurityOpt"], host["Init"]) == (["ALL"], ["no-new-privileges:true"], True)
        assert host["LogConfig"]["Config"] == wanted["log_options"]
