"""A second `up`, other values in `.env`, and a saved file."""

import browser
import checkout as checkouts
import pgadmin
import psycopg
import redis
import requests

# No syntax takes these as they are.
PASSWORDS = {"POSTGRES_PASSWORD": 'p"a$s #\\1', "REDIS_PASSWORD": 'r"e$d&<1', "CLICKHOUSE_PASSWORD": 'c$h"&<#1'}


def running(lab):
    """Of everything that goes on running, its container and when it was started."""
    return {name: life for name, life in lab.identities().items() if not name.endswith("-init")}


def test_the_second_time_nothing_is_restarted(compose, up):
    before = running(up)
    compose.run("up", "--detach")
    assert running(up) == before


def test_a_saved_file_is_compiled_and_answers(compose, up):
    checkouts.edit(compose.checkout / "files" / "platform", checkouts.SERVICE, "by-compose")
    checkouts.wait_for_service(up, "by-compose", 120)


def test_changed_passwords_reach_data_that_knows_others(compose, up):
    compose.set(**{key: f"'{value}'" for key, value in PASSWORDS.items()})
    compose.run("up", "--detach")
    for store in ("postgres", "redis", "clickhouse"):
        up.wait_until_healthy(store)
    with psycopg.connect(
        host="127.0.0.1",
        port=up.port("postgres", "sql"),
        user="cloudlab",
        password=PASSWORDS["POSTGRES_PASSWORD"],
        dbname="cloudlab",
    ) as connection:
        assert connection.execute('select count(*) > 0 from "order".orders').fetchone() == (True,)
    with redis.Redis(port=up.port("redis", "redis"), password=PASSWORDS["REDIS_PASSWORD"]) as client:
        assert client.ping()
    asked = requests.get(
        f"http://127.0.0.1:{up.port('clickhouse', 'http')}/",
        params={"query": "SELECT 1"},
        auth=("cloudlab", PASSWORDS["CLICKHOUSE_PASSWORD"]),
        timeout=10,
    )
    assert asked.text == "1\n"


def test_the_tools_get_in_with_the_changed_passwords(up):
    """And nobody has to type one."""
    for name in ("pgadmin", "redis-commander"):
        up.wait_until_healthy(name)
    with browser.page() as page:
        page.goto(f"http://127.0.0.1:{up.port('pgadmin', 'http')}")
        pgadmin.unfold(page, "Servers", up.instance, "Databases")
    with redis.Redis(port=up.port("redis", "redis"), password=PASSWORDS["REDIS_PASSWORD"]) as client:
        client.set("seen-by-the-tool", "yes")
    with browser.page() as page:
        page.goto(f"http://127.0.0.1:{up.port('redis-commander', 'http')}")
        page.get_by_role("treeitem", name="seen-by-the-tool").wait_for()
