"""What the containers of services are made of."""

import json

import pytest

from cloudlab.model import platform
from cloudlab.services import accounts, base, builder, specs

STORES = {
    "postgres": {"host": "postgres", "port": 5432, "database": "common"},
    "redis": {"host": "redis", "port": 6379, "password": "re:dis"},
}
BASE = {
    "name": "lab-order",
    "component": "order",
    "image": "debian:slim",
    "needs": ["builder", "postgres"],
    "networks": [{"name": "lab-backend", "aliases": ["order"]}],
    "published_ports": ["127.0.0.1:8084:8080/tcp"],
    "mounts": [{"type": "volume", "source": "lab-order-media", "target": "/media"}],
    "read_only": True,
    "cap_drop": ["ALL"],
}


def entry(**changes):
    go = {"main": "./cmd/order"} | changes.pop("go", {})
    ports = [{"name": "admin", "container": 1, "host": 1}, {"name": "http", "container": 8080, "host": 8080}]
    return platform.entry(
        {"summary": "Service", "needs": ["postgres"], "ports": ports, "schema": True, "go": go} | changes
    )


def catalogue(**changes):
    return {
        "postgres": {"kind": "store"},
        "pay-out": platform.entry({"summary": "Service", "grpc": 9090, "go": {"main": "."}}),
        "order": entry(**changes),
    }


def make(settings=None, **changes):
    described = {"platform": "/home/me/shop", "stores": STORES, "secret": lambda name: f"<{name}>", "user": "7:8"}
    known = base.Settings(**described | (settings or {}))
    return specs.specs(["order"], {"order": {"spec": BASE}}, catalogue(**changes), known)


def test_a_service_in_hot_reload():
    [spec] = make(go={"args": ["-port", 1], "working_dir": "conf"})
    assert spec["entrypoint"] == ["/cloudlab/bin/runner"]
    assert spec["command"] == ["run", "/cloudlab/bin/services/order", "-port", "1"]
    assert (spec["user"], spec["working_dir"], spec["image"]) == ("7:8", "/src/conf", "debian:slim")
    assert spec["read_only"] and spec["cap_drop"] == ["ALL"]
    mounts = {mount["target"]: mount for mount in spec["mounts"]}
    assert mounts["/src"] == {"type": "bind", "source": "/home/me/shop", "target": "/src", "read_only": True}
    assert mounts["/cloudlab/bin"]["source"] == "lab-builder-bin" and mounts["/cloudlab/bin"]["read_only"]
    assert mounts["/media"]["source"] == "lab-order-media"
    assert "uid=7" in mounts["/run/cloudlab"]["tmpfs_options"]


def test_services_are_not_started_in_turn():
    assert make()[0]["needs"] == []


def test_a_service_in_an_image_of_its_own():
    [spec] = make({"hot_reload": False, "images": {"order": "lab/order:1"}}, go={"args": ["a"]})
    assert (spec["image"], spec["entrypoint"], spec["command"]) == ("lab/order:1", ["/cloudlab/service"], ["a"])
    assert {mount["target"] for mount in spec["mounts"]} == {"/media", "/tmp", "/run/cloudlab"}


def test_a_service_whose_image_could_not_be_built_is_left_as_it_is():
    assert make({"hot_reload": False}) == []


def test_replicas_share_the_name_and_the_first_one_has_the_port():
    found = make(replicas=3)
    assert [spec["name"] for spec in found] == ["lab-order", "lab-order-2", "lab-order-3"]
    assert [spec["published_ports"] for spec in found] == [BASE["published_ports"], [], []]
    assert all(spec["networks"] == BASE["networks"] and spec["component"] == "order" for spec in found)


def test_the_environment_is_filled_in():
    env = {
        "DSN": "postgres://{postgres.user}:{postgres.password:url}@{postgres.host}:{postgres.port}/{postgres.database}",
        "SCHEMA": "{postgres.schema} {self.schema} {self.database}",
        "REDIS": "redis://:{redis.password:url}@{redis.host}:{redis.port}",
        "PAY": "{pay-out.host}:{pay-out.grpc}",
        "SELF": "{self.name} {self.host} {self.port}",
        "LEVEL": "{log_level}",
        "KEY": "{secret.signing_key}",
        "NUMBER": 5,
    }
    [spec] = make({"log_level": "warn"}, env=env)
    assert spec["env"] == {
        "DSN": "postgres://order:%3Cpostgres_order%3E@postgres:5432/common",
        "SCHEMA": "order order common",
        "REDIS": "redis://:re%3Adis@redis:6379",
        "PAY": "pay-out:9090",
        "SELF": "order order 8080",
        "LEVEL": "warn",
        "KEY": "<signing_key>",
        "NUMBER": "5",
    }
    assert set(spec["secret_env"]) == {"DSN", "REDIS", "KEY"}


def test_a_placeholder_of_a_store_that_is_not_wired_is_an_error():
    with pytest.raises(base.ServiceError, match=r"services\.order: \{kafka\.host\} has no value"):
        make(env={"X": "{kafka.host}"})


@pytest.mark.parametrize(
    ("health", "address"),
    [
        ({"http": "/readyz"}, "http://127.0.0.1:8080/readyz"),
        ({"http": "/readyz", "port": 99}, "http://127.0.0.1:99/readyz"),
        ({"grpc": 9090}, "grpc://127.0.0.1:9090"),
        ({"grpc": 9090, "service": "a.B"}, "grpc://127.0.0.1:9090/a.B"),
        ({"tcp": 5}, "tcp://127.0.0.1:5"),
        ({"none": True}, "process:"),
    ],
)
def test_health(health, address):
    [spec] = make(health={**health, "start_period": "90s"})
    assert spec["healthcheck"]["test"] == ["CMD", "/cloudlab/bin/runner", "health", address]
    assert spec["healthcheck"]["start_period"] == "90s"


def test_a_container_without_supervisor_is_its_process():
    [spec] = make({"hot_reload": False, "images": {"order": "x"}}, health={"none": True})
    assert spec["healthcheck"]["test"][-1] == "container:"


def test_accounts_and_databases():
    described = {
        "postgres": {"kind": "store"},
        "pay-out": platform.entry({"summary": "Service", "schema": True, "go": {"main": "."}}),
        "book": platform.entry({"summary": "Service", "database": "books", "go": {"main": "."}}),
        "audit": platform.entry({"summary": "Service", "database": "books", "go": {"main": "."}}),
        "mail": platform.entry({"summary": "Service", "go": {"main": "."}}),
    }
    assert accounts.accounts(described, str.upper) == [
        {"name": "pay-out", "role": "pay_out", "password": "POSTGRES_PAY-OUT", "schema": "pay_out"},
        {"name": "book", "role": "book", "password": "POSTGRES_BOOK", "database": "books"},
        {"name": "audit", "role": "audit", "password": "POSTGRES_AUDIT", "database": "books"},
    ]
    assert accounts.databases(described) == [{"name": "books", "owner": "book"}]


def builder_spec(environ, ca_bundle="", polling="auto"):
    config = builder.config(catalogue(go={"tags": ["x"]}), ["order", "pay-out"], polling)
    known = base.Settings("/home/me/shop", STORES, str, user="7:8", reload="v1")
    mount = {"type": "volume", "source": "lab-builder-bin", "target": "/go/bin"}
    return builder.spec(
        {"name": "lab-builder", "mounts": [mount]}, config, known, "/lab/files/reload", ca_bundle, environ
    )


def test_the_builder_gets_the_users_module_sources_and_nothing_else():
    env = builder_spec({"GOPROXY": "https://proxy", "HTTPS_PROXY": "http://p", "AWS_SECRET": "x", "GOFLAGS": "-x"})[
        "env"
    ]
    assert env["GOPROXY"] == "https://proxy" and env["HTTPS_PROXY"] == "http://p"
    assert "AWS_SECRET" not in env and "GOFLAGS" not in env and "SSL_CERT_FILE" not in env
    assert "GOPROXY" not in builder_spec({})["env"]


def test_the_builder_trusts_what_the_machine_trusts():
    spec = builder_spec({}, "/etc/ssl/certs/all.crt")
    assert spec["env"]["SSL_CERT_FILE"] == "/etc/cloudlab/ca-bundle.crt"
    assert {"copy": "/etc/ssl/certs/all.crt", "target": "/etc/cloudlab/ca-bundle.crt"} in spec["files"]


def test_the_builders_configuration():
    [file] = [file for file in builder_spec({}, polling="true")["files"] if "content" in file]
    config = json.loads(file["content"])
    assert (config["source"], config["artifacts"], config["polling"]) == ("/src", "/go/bin", "true")
    assert config["services"] == [
        {"name": "order", "module": ".", "main": "./cmd/order", "tags": ["x"]},
        {"name": "pay-out", "module": ".", "main": ".", "tags": []},
    ]


def test_the_checkout_is_only_read():
    for spec in (builder_spec({}), *make()):
        assert all(mount["read_only"] for mount in spec["mounts"] if mount["type"] == "bind")
