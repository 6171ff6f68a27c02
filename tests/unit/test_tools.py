"""The containers of the tools match the contracts in the role's README."""

import fnmatch
import glob
import json
import os
import re
import subprocess

import documented
import pytest
import rolefiles
import yaml
from lab import ROOT

from cloudlab.model import catalogue, environment

PASSWORD = "a:b\\c \"d\" 'e' {{ f }} ü$"
ELASTICSEARCH = {"host": "elasticsearch", "port": 9200, "url": "http://elasticsearch:9200"}
STORES = {
    "postgres": {"host": "postgres", "port": 5432, "database": "shop", "user": "owner", "password": PASSWORD},
    "redis": {"host": "redis", "port": 6379, "password": PASSWORD},
    "clickhouse": {
        "host": "clickhouse",
        "http_port": 8123,
        "user": "analyst",
        "password": PASSWORD,
        "database": "events",
    },
    "kafka": {"host": "kafka", "port": 29092},
    "elasticsearch": ELASTICSEARCH | {"user": "", "password": ""},
}
SECURED = ELASTICSEARCH | {"user": "kibana_system", "password": PASSWORD}
SETTINGS = {
    "tools_stores": STORES,
    "tools_kibana_key": "k" * 32,
    "tools_clickhouse_ui_key": "c" * 32,
    "tools_clickhouse_ui_page": "http://127.0.0.1:4003",
    "tools_kibana_page": "http://127.0.0.1:4005",
    "tools_portainer_password": "twelve letters",
}
TOOLS = {name: entry for name, entry in catalogue.committed()["catalogue"].items() if entry["role"] == "tools"}
# Component -> user, network of what it shows, volumes, health check.
CONTRACTS = {
    name: tuple(cell.strip("` ") for cell in cells.split("|"))
    for name, cells in re.findall(
        r"^\| `([a-z-]+)` \| ((?:[^|]*\|){3}[^|]*)\|$",
        (ROOT / "roles/tools/README.md").read_text(encoding="utf-8").partition("## Hardening")[2],
        re.MULTILINE,
    )
}


@pytest.fixture
def containers(tmp_path):
    """Component -> its container, with settings of the role."""

    def render(**settings):
        values = {
            "catalogue": TOOLS,
            "cloudlab_instance": "lab",
            "port_offset": 1000,
            **catalogue.committed("ports"),
        }
        context = {
            "instance": "lab",
            "chosen": list(TOOLS),
            "components": {name: environment.component(name, values, "full", {"cpus": 8}) for name in TOOLS},
        }
        for entry in context["components"].values():
            entry["spec"]["image"] = "image"
        # Unit tests do without an engine; what is mounted has to exist.
        known = rolefiles.variables("tools", context, **SETTINGS | {"tools_engine_socket": str(tmp_path)} | settings)
        found = rolefiles.specifications("tools", "__tools_specs", known, tmp_path)
        return {container.component: container for container in found}

    return render


def content(container, target):
    """A configuration file of the container."""
    [file] = [file for file in container.files if file.target == target]
    return file.content


def test_every_tool_has_a_contract():
    assert TOOLS.keys() == CONTRACTS.keys()


@pytest.mark.parametrize("name", CONTRACTS)
def test_user_ports_networks_and_volumes(containers, name):
    user, network, volumes, _ = CONTRACTS[name]
    options = containers()[name].options
    published = {f"127.0.0.1:{host + 1000}:{port}/tcp" for host, port in documented.components()[name].ports.values()}
    assert options["user"] == user
    assert set(options["published_ports"]) == published
    assert set(options["networks"]) == {f"lab-{each}" for each in ("monitoring", network) if each}
    assert ", ".join(mount["target"] for mount in options["mounts"] if mount["type"] == "volume") == volumes


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_tool_is_hardened(containers, name):
    options = containers()[name].options
    assert options["cap_drop"] == ["ALL"]
    assert options["cap_add"] == []
    assert options["security_opts"] == ["no-new-privileges:true"]
    assert options["read_only"] is True
    assert options["memory"] == options["memory_swap"] > 0


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_health_check_is_the_documented_one(containers, name):
    kind, *command = containers()[name].options["healthcheck"]["test"]
    assert (kind, " ".join(command)) == ("CMD", CONTRACTS[name][3])


def test_only_portainer_has_the_engines_socket(containers, tmp_path):
    bound = {
        name: [(mount["source"], mount["target"]) for mount in container.options["mounts"] if mount["type"] == "bind"]
        for name, container in containers().items()
    }
    assert bound.pop("portainer") == [(str(tmp_path), "/var/run/docker.sock")]
    assert not any(bound.values())


@pytest.mark.parametrize("name", CONTRACTS)
def test_passwords_of_stores_are_hidden(containers, name):
    """In `docker inspect` and in the diff of a run."""
    container = containers(tools_stores=STORES | {"elasticsearch": SECURED})[name]
    assert PASSWORD not in json.dumps(container.options, ensure_ascii=False)
    for file in container.files:
        assert file.secret or not any(part in file.content for part in ("a:b", "a\\:b"))


def test_pgadmin_knows_the_server_and_its_password(containers):
    container = containers()["pgadmin"]
    server = json.loads(content(container, "/etc/pgadmin/servers.json"))["Servers"]["1"]
    assert server == {
        "Name": "lab",
        "Group": "Servers",
        "Host": "postgres",
        "Port": 5432,
        "MaintenanceDB": "shop",
        "Username": "owner",
        "ConnectionParameters": {"sslmode": "prefer", "connect_timeout": 10, "passfile": "/run/pgadmin/pgpass"},
    }
    assert content(container, "/etc/pgadmin/password") == PASSWORD


def test_pgadmins_password_is_escaped_at_startup(containers, tmp_path):
    """See PostgreSQL's documentation: a backslash before a colon and before a backslash."""
    [line] = [line for line in content(containers()["pgadmin"], "/etc/pgadmin/start.sh").splitlines() if "sed" in line]
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    here = line.replace("/etc/pgadmin/", f"{tmp_path}/").replace("/run/pgadmin/", f"{tmp_path}/")
    subprocess.run(["sh", "-euc", here], check=True)
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    assert (tmp_path / "pgpass").read_text(encoding="utf-8") == f"*:*:*:*:{escaped}"


@pytest.mark.parametrize(
    ("files", "paths", "help_path"),
    [
        (
            ["/usr/local/pgsql-17", "/usr/local/pgsql-18", "/pgadmin4/docs/index.html"],
            {"pg": "/usr/local/pgsql-18", "pg-17": "/usr/local/pgsql-17", "pg-18": "/usr/local/pgsql-18"},
            "../../docs",
        ),
        (
            ["/usr/lib/postgresql/17/bin"],
            {"pg": "/usr/lib/postgresql/17/bin", "pg-17": "/usr/lib/postgresql/17/bin"},
            None,
        ),
        ([], {}, None),
    ],
)
def test_pgadmin_finds_its_programs_and_its_help(containers, monkeypatch, files, paths, help_path):
    monkeypatch.setattr(glob, "glob", lambda pattern: fnmatch.filter(files, pattern))
    monkeypatch.setattr(os.path, "isfile", files.__contains__)
    found = {}
    exec(content(containers()["pgadmin"], "/etc/pgadmin/config_system.py"), found)  # noqa: S102 - our own file
    # In this order, because pgAdmin keeps the first path of a version.
    assert list(found["DEFAULT_BINARY_PATHS"].items()) == list(paths.items())
    assert found.get("HELP_PATH") == help_path


def test_pgadmin_rejects_other_host_names(containers):
    settings = {}
    exec(content(containers()["pgadmin"], "/etc/pgadmin/config_system.py"), settings)  # noqa: S102 - our own file
    assert settings["SERVER_MODE"] is False
    assert settings["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost"]


def test_redis_commander_supports_any_password(containers):
    container = containers()["redis-commander"]
    assert content(container, "/redis-commander/config/password") == PASSWORD
    program = content(container, "/redis-commander/config/production.js")
    assert '{"label": "lab", "host": "redis", "port": 6379, "dbIndex": 0}' in program
    assert 'readFileSync("/redis-commander/config/password", "utf8")' in program
    assert "noSave: true" in program


def test_kafka_ui_connects_to_the_cluster(containers):
    env = containers()["kafka-ui"].options["env"]
    assert env["KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"] == "kafka:29092"
    assert env["DYNAMIC_CONFIG_ENABLED"] == "false"


def test_clickhouse_ui_connects_to_clickhouse(containers):
    env = containers()["clickhouse-ui"].options["env"]
    assert env["CLICKHOUSE_URL"] == "http://clickhouse:8123"
    assert env["ALLOWED_ORIGINS"] == env["APP_URL"] == "http://127.0.0.1:4003"
    assert env["DATABASE_PATH"].startswith("/app/data/")
    assert len(env["APP_SECRET_KEY"]) >= 32


def test_kibana_connects_to_elasticsearch(containers):
    settings = yaml.safe_load(content(containers()["kibana"], "/usr/share/kibana/config/kibana.yml"))
    assert settings["elasticsearch.hosts"] == ["http://elasticsearch:9200"]
    # A file of one's own replaces the image's, which has this line.
    assert settings["server.host"] == "0.0.0.0"
    assert settings["server.publicBaseUrl"] == "http://127.0.0.1:4005"
    assert settings["server.shutdownTimeout"] == "5s"
    assert settings["xpack.fleet.isAirGapped"] is True
    assert not settings.keys() & {"elasticsearch.username", "elasticsearch.password"}


def test_kibana_has_an_account_if_security_is_enabled(containers):
    kibana = containers(tools_stores=STORES | {"elasticsearch": SECURED})["kibana"]
    settings = yaml.safe_load(content(kibana, "/usr/share/kibana/config/kibana.yml"))
    assert settings["elasticsearch.username"] == "kibana_system"
    assert settings["elasticsearch.password"] == PASSWORD


def test_kibana_and_elasticsearch_have_the_same_version():
    images = catalogue.committed()["images"]
    assert images["kibana"]["tag"] == images["elasticsearch"]["tag"]


def test_portainer_has_its_administrator_and_the_engine(containers):
    container = containers()["portainer"]
    command = container.options["command"]
    assert command[command.index("-H") + 1] == "unix:///var/run/docker.sock"
    assert "--admin-password-file=/etc/portainer/password" in command
    assert content(container, "/etc/portainer/password") == "twelve letters"


def test_adminer_connects_to_the_stores_with_any_password(containers):
    adminer = containers(tools_elasticsearch_user="elastic", tools_elasticsearch_password="secret")["adminer"]
    program = content(adminer, "/etc/adminer/index.php")
    [stores] = [json.loads(line) for line in program.splitlines() if line.strip().startswith('{"postgres"')]
    assert stores == {
        "postgres": {"driver": "pgsql", "server": "postgres:5432", "user": "owner", "database": "shop"},
        "clickhouse": {"driver": "clickhouse", "server": "clickhouse:8123", "user": "analyst", "database": "events"},
        "elasticsearch": {
            "driver": "elastic",
            "server": "elasticsearch:9200",
            "user": "elastic",
            "database": "elastic",
        },
    }
    assert [content(adminer, f"/etc/adminer/{store}") for store in stores] == [PASSWORD, PASSWORD, "secret"]


@pytest.mark.parametrize(("name", "heap"), [("kafka-ui", "tools_kafka_ui_heap"), ("kibana", "tools_kibana_heap")])
def test_a_heap_leaves_memory_for_the_rest_of_the_process(containers, name, heap):
    mebibytes = int(str(rolefiles.variables("tools", {})[heap]).rstrip("m"))
    assert mebibytes * 1024**2 < containers()[name].options["memory"] * 0.7


def test_mailpit_neither_asks_the_internet_nor_answers_other_host_names(containers):
    env = containers()["mailpit"].options["env"]
    assert {
        env[name] for name in ("MP_DISABLE_VERSION_CHECK", "MP_SMTP_DISABLE_RDNS", "MP_BLOCK_REMOTE_CSS_AND_FONTS")
    } == {"true"}
    assert env["MP_ALLOWED_HOSTS"] == "127.0.0.1,localhost"
    assert env["MP_DATABASE"].startswith("/var/tmp/")
