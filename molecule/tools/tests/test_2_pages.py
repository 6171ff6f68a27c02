"""The pages as a person opens them, who has never been there and types nothing."""

import re

import pgadmin
import requests

SECONDS = 30


def test_pgadmin_shows_a_table_of_the_catalogue(lab, page, catalogue):
    page.goto(f"http://127.0.0.1:{lab.port('pgadmin', 'http')}")
    database = lab.values["postgres_db"]
    pgadmin.select(page, "Servers", lab.instance, "Databases", database, "Schemas", "product", "Tables", "categories")
    page.get_by_role("button", name="All Rows").click()
    # A table opens in a frame of its own. Earlier ones are restored behind it.
    rows = page.locator("iframe").filter(visible=True).content_frame.get_by_role("grid")
    for category in catalogue:
        rows.get_by_text(category, exact=True).first.wait_for()


def test_pgadmin_can_back_up_the_server_and_shows_its_manual(lab):
    address = f"http://127.0.0.1:{lab.port('pgadmin', 'http')}"
    session = requests.Session()
    session.get(f"{address}/browser/", timeout=SECONDS)
    script = session.get(f"{address}/browser/js/utils.js", timeout=SECONDS).text
    [header], [token] = (
        re.findall(rf"pgAdmin\['{name}'\] = '(.+)'", script) for name in ("csrf_token_header", "csrf_token")
    )
    session.headers[header] = token
    # Which program it needs depends on the version of the server.
    connected = session.post(f"{address}/browser/server/connect/1/1", timeout=SECONDS)
    assert connected.json()["success"] == 1, connected.text
    found = session.get(f"{address}/backup/utility_exists/1/objects", timeout=SECONDS)
    assert found.json()["success"] == 1, found.text
    assert session.get(f"{address}/help/help/index.html", timeout=SECONDS).status_code == 200


def test_pgadmin_turns_other_names_away(lab):
    """As of a page of the internet whose name has been given this machine's address."""
    address = f"http://127.0.0.1:{lab.port('pgadmin', 'http')}/browser/"
    assert requests.get(address, timeout=SECONDS).status_code == 200
    assert requests.get(address, headers={"Host": "attacker.example"}, timeout=SECONDS).status_code == 403


def test_redis_commander_shows_a_session(lab, page, session):
    page.goto(f"http://127.0.0.1:{lab.port('redis-commander', 'http')}")
    *folders, key = session.split(":")
    for folder in folders:
        page.get_by_role("treeitem", name=f"{folder}:*").dblclick()
    page.get_by_role("treeitem", name=key).click()
    page.get_by_text(session, exact=True).wait_for()
    page.get_by_role("cell", name="ada@example.org").wait_for()
