"""Adminer: a table or index of each store it shows, in one click and without a password; and who is refused."""

import json

import probes
import pytest
import requests

SECONDS = 30
# Store -> what writes the table or index `probe`, and a value in it.
STORES = {
    "postgres": (probes.Postgres(), "mechanical keyboard"),
    "clickhouse": (probes.Clickhouse(), "mouse"),
    "elasticsearch": (probes.Elasticsearch(), "Mechanical keyboard"),
}


@pytest.fixture(scope="module", autouse=True)
def written(lab):
    for probe, _ in STORES.values():
        probe.write(lab)


@pytest.fixture
def address(lab):
    return f"http://127.0.0.1:{lab.port('adminer', 'http')}"


@pytest.mark.parametrize("store", STORES)
def test_it_shows_a_row(address, page, store):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.get_by_role("link", name=store, exact=True).click()
    page.locator("#tables a[href$='&select=probe']").click()
    page.locator("#table").get_by_text(STORES[store][1], exact=True).first.wait_for()
    assert [url for url in asked if not url.startswith(f"{address}/")] == []


def test_it_shows_an_empty_table(lab, address):
    probes.Clickhouse().query(lab, "CREATE TABLE IF NOT EXISTS nothing (name String) ENGINE = Memory")
    session = requests.Session()
    opened = session.get(f"{address}/?store=clickhouse", timeout=SECONDS)
    answer = session.get(f"{opened.url}&select=nothing", timeout=SECONDS)
    assert answer.status_code == 200
    assert "No rows." in answer.text


def test_the_dashboard_links_to_each_store(lab):
    rows = json.loads((lab.directory / "environment.json").read_text())["components"]
    links = {row["component"]: row["views"]["data"] for row in rows if "data" in row["views"]}
    assert links.keys() == STORES.keys()
    for link in links.values():
        answer = requests.Session().get(link, timeout=SECONDS)
        assert answer.status_code == 200
        assert ">probe</a>" in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Host": "attacker.example"}, {"Origin": "http://attacker.example"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=lambda headers: next(iter(headers)),
)
def test_requests_of_other_sites_are_refused(address, headers):
    """The first of a page whose host name has been given this machine's address."""
    assert requests.get(address, timeout=SECONDS).status_code == 200
    answer = requests.get(f"{address}/?store=postgres", headers=headers, timeout=SECONDS)
    assert answer.status_code == 403
    assert "another site" in answer.text


def test_a_link_of_another_site_is_followed(address):
    """The dashboard may be opened at localhost, and its links lead to 127.0.0.1."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    assert requests.get(f"{address}/?store=postgres", headers=headers, timeout=SECONDS).status_code == 200
    assert requests.post(address, headers=headers, timeout=SECONDS).status_code == 403


def test_it_opens_no_other_server(lab, address):
    """As of a page that sends its own account: the name of the container is another name of the same server."""
    account = {
        "driver": "pgsql",
        "server": lab.container("postgres"),
        "username": lab.values["postgres_user"],
        "password": lab.values["postgres_password"],
        "db": lab.values["postgres_db"],
    }
    session = requests.Session()
    session.post(address, data={f"auth[{key}]": value for key, value in account.items()}, timeout=SECONDS)
    asked = {"pgsql": account["server"], "username": account["username"], "db": account["db"]}
    answer = session.get(address, params=asked, timeout=SECONDS)
    assert answer.status_code == 403
    assert "probe" not in answer.text


def test_a_statement_without_the_token_of_the_page_is_not_executed(lab, address):
    session = requests.Session()
    opened = session.get(f"{address}/?store=postgres", timeout=SECONDS)
    answer = session.post(f"{opened.url}&sql=", data={"query": "DROP TABLE probe", "token": "1:2"}, timeout=SECONDS)
    assert "CSRF" in answer.text
    assert probes.Postgres().read(lab) == probes.Postgres.expected
