"""The dashboard: what its server exposes, and what a browser shows while containers come and go."""

import json
import re
import subprocess

import browser
import pytest
import requests
from lab import ROOT
from playwright.sync_api import expect

from cloudlab.model import environment

COMPONENTS = {"dashboard", "redis"}
SECONDS = 10
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
STATES = """(cards) =>
  Object.fromEntries(cards.map((card) => ["h3", ".state"].map((part) => card.querySelector(part).textContent)))"""


@pytest.fixture(scope="module")
def page(lab):
    """Address of the page, beside the stores that run already; it is gone afterwards."""
    lab.converge(*COMPONENTS)
    yield f"http://127.0.0.1:{lab.port('dashboard', 'http')}"
    lab.playbook("reset", "-e", "level=component components=dashboard confirm=yes")


@pytest.fixture
def opened(page):
    """The page in a browser, with its cards."""
    with browser.page() as found:
        found.goto(page)
        found.wait_for_selector(".card")
        yield found


@pytest.fixture
def foreign(lab):
    """A container of another instance; its id."""
    labels = {environment.LABEL_INSTANCE: "test-unmanaged", "cloudlab.test": "foreign"}
    container = lab.client.create_container(lab.inspect("redis")["Image"], labels=labels)["Id"]
    yield container
    lab.client.remove_container(container)


def get(url, **options):
    return requests.get(url, timeout=SECONDS, **options)


def test_containers_of_others_are_not_shown_whatever_is_asked(lab, page, foreign):
    everything = {"all": "1", "filters": json.dumps({})}
    for answer in (get(f"{page}/engine/containers"), get(f"{page}/engine/containers", params=everything)):
        found = answer.json()
        assert {item["Labels"][environment.LABEL_COMPONENT] for item in found} == lab.present()
        assert foreign not in {item["Id"] for item in found}


def test_measurements_need_a_complete_id(lab, page):
    container = lab.inspect("redis")
    assert get(f"{page}/engine/stats/{container['Id']}").json()["memory_stats"]["usage"] > 0
    for name in (container["Name"], f"/{container['Id'][:12]}", f"/{container['Id']}/", f"/{container['Id']}%2fjson"):
        assert get(f"{page}/engine/stats{name}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/engine/images/json", "/engine/version", "/engine/containers/json", "/engine/containers/../version",
        "/engine/containers%2f..%2fversion", "/v1.41/info", "/environment.json/../../secrets", "/lock", "/nginx.conf",
    ],
)  # fmt: skip
def test_nothing_else_is_served(page, path):
    request = requests.Request("GET", page).prepare()
    request.url = page + path  # as it stands, dots and all
    with requests.Session() as session:
        assert session.send(request, timeout=SECONDS).status_code in (400, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/environment.json", "/engine/containers"])
def test_nothing_can_be_done(page, method, path):
    assert requests.request(method, page + path, timeout=SECONDS).status_code == 405


def test_a_website_that_calls_itself_this_machine_reads_nothing(page):
    assert get(f"{page}/environment.json", headers={"Host": "rebound.example.org"}).status_code == 421
    assert "default-src 'none'" in get(page).headers["Content-Security-Policy"]


def test_the_server_is_confined(lab, page):
    container = lab.inspect("dashboard")
    host = container["HostConfig"]
    assert container["Config"]["User"].split(":")[0] == "101"
    assert (host["CapDrop"], host["ReadonlyRootfs"], host["Privileged"]) == (["ALL"], True, False)
    assert not host["CapAdd"]
    assert not [mount for mount in container["Mounts"] if mount["RW"] and mount["Type"] != "tmpfs"]


def test_a_run_shows_on_the_page_without_a_new_container(lab, page):
    before, life = get(f"{page}/environment.json").json()["converged"], lab.identities()["dashboard"]
    lab.converge(*COMPONENTS)
    assert get(f"{page}/environment.json").json()["converged"] > before
    assert lab.identities()["dashboard"] == life


def test_a_program_gets_nothing_but_json(lab, page):
    done = subprocess.run(
        ["ansible-playbook", "playbooks/describe.yml", "-e", "format=json"],
        cwd=ROOT, env=lab.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    rows = {row["component"]: row for row in json.loads(done.stdout)["components"]}
    assert rows["redis"]["state"] == "healthy"
    assert 0 < rows["redis"]["memory"]["used"] < rows["redis"]["memory"]["limit"]
    assert rows["redis"]["source"] in ("registry", "packages")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_shows_all_that_there_is(lab, opened, size, scheme):
    opened.set_viewport_size(size)
    opened.emulate_media(color_scheme=scheme)
    states = opened.eval_on_selector_all(".card", STATES)
    assert {name: states[name] for name in lab.present()} == dict.fromkeys(lab.present(), "healthy")
    expect(opened.locator("#overall")).to_have_text(f"{len(lab.present())} of {len(lab.present())} healthy")
    # Nothing has to be scrolled sideways, and the background is what the reader likes.
    assert opened.evaluate("document.documentElement.scrollWidth") <= size["width"]
    bright = opened.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 128")
    assert bright == (scheme == "light")


def test_memory_is_shown_against_its_limit(opened):
    expect(opened.locator("#component-redis .figures")).to_have_text(re.compile(r"^\d+ MiB of 192 MiB$"))


def test_a_password_is_shown_to_who_asks_for_it(lab, opened):
    card = opened.locator("#component-redis")
    expect(card).not_to_contain_text(lab.values["redis_password"])
    card.get_by_label("show password").click()
    expect(card).to_contain_text(lab.values["redis_password"])


def test_a_container_that_ends_shows_without_a_reload(lab, opened):
    card = opened.locator("#component-redis")
    state = card.locator(".head .state")
    card.get_by_text("Commands").click()
    lab.client.stop(lab.container("redis"))
    expect(state).to_have_text("exited", timeout=SECONDS * 1000)
    expect(opened.locator("#problems")).to_have_text("redis: exited")
    lab.client.start(lab.container("redis"))
    expect(state).to_have_text("healthy", timeout=SECONDS * 1000)
    # What somebody has opened stays open.
    expect(card.get_by_text(lab.container("redis"))).to_be_visible()


def test_a_container_that_is_gone_is_missed(lab, opened):
    lab.client.remove_container(lab.container("redis"), force=True)
    missed = opened.locator("#problems a")
    expect(missed).to_have_text("redis: absent", timeout=SECONDS * 1000)
    expect(missed).to_have_attribute("data-status", "error")
    lab.converge(*COMPONENTS)
    expect(missed).to_have_count(0)


def test_pictures_are_taken_by_a_script(lab, page, tmp_path):
    command = [ROOT / "scripts" / "screenshots.sh", tmp_path]
    subprocess.run(command, env=lab.environ, stdin=subprocess.DEVNULL, check=True, timeout=300)
    taken = {path.stem: path.read_bytes() for path in tmp_path.iterdir()}
    assert taken.keys() == {"dashboard", "dashboard-dark", "dashboard-phone"}
    assert len(set(taken.values())) == len(taken)


def test_without_the_engines_socket_the_page_says_so(lab, page):
    lab.playbook("dev", "--tags", "dashboard", "-e", "dashboard_engine_socket=")
    assert get(f"{page}/engine/containers").status_code == 404
    with browser.page() as opened:
        opened.goto(page)
        expect(opened.locator("#notice")).to_contain_text("states are not live")
        expect(opened.locator("#component-redis .state")).to_have_text("healthy")
