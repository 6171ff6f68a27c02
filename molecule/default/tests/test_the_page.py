"""The page that shows it all: what it gives away, and what a browser shows while containers come and go."""

import json
import subprocess

import chromium
import pytest
import requests
from lab import ROOT

from cloudlab import environment

COMPONENTS = {"dashboard", "redis"}
SECONDS = 10
CARDS = "[...document.querySelectorAll('.card')].map((card) => [card.id, card.querySelector('.state').textContent])"
STATE = "document.querySelector('#redis .state')?.textContent"


@pytest.fixture(scope="module")
def page(lab):
    """Address of the page, beside the stores that run already; it is gone afterwards."""
    lab.converge(*COMPONENTS)
    yield f"http://127.0.0.1:{lab.port('dashboard', 'http')}"
    lab.playbook("reset", "-e", "level=component components=dashboard confirm=yes")


@pytest.fixture
def stranger(lab):
    """A container of another instance; its id."""
    labels = {environment.LABEL_INSTANCE: "test-stranger", "cloudlab.test": "stranger"}
    container = lab.client.create_container(lab.inspect("redis")["Image"], labels=labels)["Id"]
    yield container
    lab.client.remove_container(container)


def get(url, **options):
    return requests.get(url, timeout=SECONDS, **options)


def test_containers_of_others_are_not_shown_whatever_is_asked(lab, page, stranger):
    everything = {"all": "1", "filters": json.dumps({})}
    for answer in (get(f"{page}/engine/containers"), get(f"{page}/engine/containers", params=everything)):
        found = answer.json()
        assert {item["Labels"][environment.LABEL_COMPONENT] for item in found} == lab.present()
        assert stranger not in {item["Id"] for item in found}


def test_figures_are_to_be_had_by_whole_id_alone(lab, page):
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
def test_nothing_else_is_to_be_had(page, path):
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
    before, life = get(f"{page}/environment.json").json()["converged"], lab.lives()["dashboard"]
    lab.converge(*COMPONENTS)
    assert get(f"{page}/environment.json").json()["converged"] > before
    assert lab.lives()["dashboard"] == life


def test_a_program_gets_nothing_but_json(lab, page):
    done = subprocess.run(
        ["ansible-playbook", "playbooks/describe.yml", "-e", "format=json"],
        cwd=ROOT, env=lab.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    rows = {row["component"]: row for row in json.loads(done.stdout)["components"]}
    assert rows["redis"]["state"] == "healthy"
    assert 0 < rows["redis"]["memory"]["used"] < rows["redis"]["memory"]["limit"]
    assert rows["redis"]["source"] in ("registry", "packages")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [chromium.DESKTOP, chromium.PHONE], ids=["desktop", "phone"])
def test_the_page_shows_all_that_there_is(lab, browser, page, size, dark):
    browser.look(size, dark=dark)
    browser.open(page)
    browser.wait("document.querySelectorAll('.card').length")
    assert dict(browser.evaluate(CARDS)) == dict.fromkeys(lab.present(), "healthy")
    # Nothing has to be scrolled sideways, and the background is what the reader likes.
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 128") == dark


def test_memory_is_shown_against_its_limit(browser, page):
    browser.open(page)
    browser.wait("/^\\d+ MiB of 192 MiB$/.test(document.querySelector('#redis .figures')?.textContent)")


def test_a_password_is_shown_to_who_asks_for_it(lab, browser, page):
    browser.open(page)
    browser.wait(STATE)
    password = lab.values["redis_password"]
    assert password not in browser.text()
    browser.evaluate("document.querySelector('#redis [aria-label=\"show password\"]').click()")
    assert password in browser.text()


def test_a_container_that_ends_shows_without_a_reload(lab, browser, page):
    browser.open(page)
    browser.wait(f"{STATE} === 'healthy'")
    browser.evaluate("window.loadedOnce = true")
    lab.client.stop(lab.container("redis"))
    browser.wait(f"{STATE} === 'exited'", SECONDS)
    assert "redis: exited" in browser.text()
    lab.client.start(lab.container("redis"))
    browser.wait(f"{STATE} === 'healthy'")
    assert browser.evaluate("window.loadedOnce")


def test_without_the_engines_socket_the_page_says_so(lab, browser, page):
    lab.playbook("dev", "--tags", "dashboard", "-e", "dashboard_engine_socket=")
    assert get(f"{page}/engine/containers").status_code == 404
    browser.open(page)
    browser.wait(f"{STATE} === 'healthy'")
    assert "states are not live" in browser.text()
