"""ClickHouse's configuration and statements on the version that the catalogue pins. No container is needed."""

import hashlib
from xml.etree import ElementTree

import pytest
from pinned_clickhouse import Pinned, PinnedError

from cloudlab.model import catalogue
from cloudlab.model.checks import OK
from cloudlab.stores.clickhouse import checks, objects, oneshot
from cloudlab.stores.lazy_client import LazyClient

# Settings of a server alone, which no table lists.
UNLISTED = {
    "access_control_path",
    "builtin_dictionaries_reload_interval",
    "default_profile",
    "http_port",
    "listen_host",
    "send_crash_reports.enabled",
    "tcp_port",
    "timezone",
    "users_config",
}
# Settings that the engine reads, but may replace because it is not a server.
REPLACED = {
    "background_buffer_flush_schedule_pool_size",
    "background_distributed_schedule_pool_size",
    "background_message_broker_schedule_pool_size",
    "background_schedule_pool_size",
    "logger.level",
    "max_concurrent_queries",
}


@pytest.fixture(scope="module")
def pinned(tmp_path_factory):
    with Pinned(tmp_path_factory.mktemp("pinned")) as engine:
        yield engine


@pytest.fixture(scope="module")
def declared(pinned):
    """Name -> value of every setting in config.xml; those in a section have its name in front."""
    leaves = {}
    for element in ElementTree.parse(pinned.config).getroot():
        for child in element:
            leaves[f"{element.tag}.{child.tag}"] = child.text
        if not len(element):
            leaves[element.tag] = element.text
    return leaves


@pytest.fixture(scope="module")
def known(pinned):
    """Name -> value of the server settings of this version."""
    rows = pinned.ask("SELECT name, value FROM system.server_settings").splitlines()
    return dict(row.split("\t") for row in rows)


def test_the_version_is_the_pinned_one(pinned):
    line = catalogue.committed()["images"]["clickhouse"]["tag"].split(".")[:2]
    assert pinned.ask("SELECT version()").split(".")[:2] == line


def test_every_server_setting_exists(declared, known):
    assert declared.keys() - known.keys() == UNLISTED


def test_every_server_setting_takes_effect(declared, known):
    different = {name for name in declared.keys() & known.keys() if declared[name] != known[name]}
    assert different <= REPLACED


def test_the_pools_for_schedules_are_small(declared, known):
    pools = {name for name in known if name.startswith("background_") and name.endswith("schedule_pool_size")}
    assert len(pools) == 4
    assert pools <= declared.keys()
    # By default, 560 threads, of the 1024 that the container may have.
    assert sum(int(declared[name]) for name in pools) <= 32


def test_a_setting_that_cannot_be_parsed_is_refused(tmp_path):
    with pytest.raises(PinnedError, match="max_connections"), Pinned(tmp_path, clickhouse_max_connections="many"):
        pass


def test_the_profile_takes_effect(pinned):
    profile = ElementTree.parse(pinned.users).find("profiles/default")
    rows = pinned.ask("SELECT name, value FROM system.settings WHERE changed").splitlines()
    assert {child.tag: child.text for child in profile}.items() <= dict(row.split("\t") for row in rows).items()


def test_users(pinned):
    rows = pinned.ask("SELECT name, host_ip, host_names, auth_type FROM system.users ORDER BY name").splitlines()
    assert rows == [
        "default\t['::/0']\t[]\t['sha256_password']",
        "healthcheck\t[]\t['localhost']\t['plaintext_password']",
    ]
    assert "CREATE USER" in pinned.ask("SHOW GRANTS")
    assert pinned.ask("SELECT apply_to_list FROM system.quotas") == "['default','healthcheck']\n"


def test_the_user_of_the_health_check_sees_nothing(tmp_path):
    with Pinned(tmp_path, account="healthcheck") as engine:
        assert engine.ask("SELECT 1") == "1\n"
        assert engine.ask("SHOW DATABASES") == ""
        assert engine.ask("SELECT getSetting('readonly'), getSetting('max_threads')") == "1\t1\n"
        for statement in ("CREATE DATABASE x", "CREATE USER x", "SELECT * FROM system.users"):
            with pytest.raises(AssertionError, match="ACCESS_DENIED"):
                engine.ask(statement)


@pytest.mark.parametrize("at_start", [False, True])
def test_the_password_is_checked(tmp_path, monkeypatch, at_start):
    def start(password):
        monkeypatch.setenv("CLOUDLAB_PASSWORD_HASH", hashlib.sha256(password.encode()).hexdigest())
        folder = tmp_path / f"password-{password}"
        return Pinned(folder, clickhouse_password=password, clickhouse_hash_at_start=at_start)

    with start("") as engine:  # which the engine logs in with
        assert engine.ask("SELECT 1") == "1\n"
    with pytest.raises(PinnedError, match="AUTHENTICATION_FAILED"), start("another"):
        pass


def test_the_program_for_docker_compose_creates_what_is_checked(pinned):
    table = {
        "name": "views",
        "columns": [{"name": "day", "type": "Date"}, {"name": "n", "type": "Decimal(18, 2)", "default": "0"}],
        "engine": "MergeTree() PARTITION BY toYYYYMM(day) ORDER BY day",
    }
    raw = {"database": "logs", "name": "raw", "ddl": "CREATE TABLE IF NOT EXISTS raw (s String) ENGINE = Log"}
    arguments = {"database": "it's `odd`", "tables": [table, raw]}
    for _ in range(2):
        pinned.ask(oneshot.script(objects.declare(arguments)))
    pinned.ask("INSERT INTO `it's \\`odd\\``.views (day) VALUES ('2026-01-02')")

    server = {"host": "127.0.0.1", "port": pinned.port("http"), "container": pinned.name, "user": "", "password": ""}
    found, findings = checks.check(arguments | server, LazyClient())
    assert {result.state for result in found} == {OK}
    assert len(found) == 5
    assert findings == {"rows": {"views": 1}}
