"""The picture of an environment that the roles work with."""

from pathlib import Path

import pytest

from cloudlab import environment

VALUES = {
    "cloudlab_instance": "lab",
    "cloudlab_profile": "lite",
    "port_offset": 1000,
    "db_port": 5432,
    "profiles": {"lite": {"size": "lite"}},
    "networks": {"backend": {"summary": ""}, "database": {"summary": "", "subnet": "10.9.0.0/24"}},
    "catalogue": {
        "db": {
            "summary": "Database",
            "role": "db",
            "kind": "store",
            "needs": ["disk"],
            "image": "db",
            "networks": ["database"],
            "ports": [{"name": "sql", "container": 5432, "setting": "db_port"}],
            "volumes": {"data": "/data"},
            "resources": {"full": {"memory": "1g", "cpus": 8, "pids": 64}, "lite": {"memory": "256m"}},
        },
        "disk": {"summary": "", "role": "disk", "kind": "store"},
    },
}
ENGINE = {"cpus": 2, "memory": 1}
EMPTY = {"containers": [], "networks": [], "volumes": []}


def describe(stock=EMPTY, chosen=("disk", "db")):
    return environment.describe(Path("/lab"), VALUES, list(chosen), stock, ENGINE)


def test_names_belong_to_the_instance():
    found = describe()
    assert found["directory"] == "/lab/.cloudlab/lab"
    entry = found["components"]["db"]
    assert entry["container"] == "lab-db"
    assert entry["volumes"] == {"data": {"name": "lab-db-data", "target": "/data"}}
    assert found["networks"].keys() == {"database"}
    assert found["networks"]["database"]["name"] == "lab-database"


def test_ports_are_published_on_loopback_with_the_offset():
    assert describe()["components"]["db"]["spec"]["published_ports"] == ["127.0.0.1:6432:5432/tcp"]


def test_limits_come_from_the_size_and_never_exceed_the_engine():
    spec = describe()["components"]["db"]["spec"]
    assert (spec["memory"], spec["memory_swap"], spec["cpus"], spec["pids_limit"]) == ("256m", "256m", 2.0, 64)


def test_every_container_starts_hardened():
    spec = describe()["components"]["db"]["spec"]
    assert spec["cap_drop"] == ["ALL"]
    assert spec["security_opts"] == ["no-new-privileges:true"]
    assert spec["read_only"] is True
    assert spec["init"] is True
    assert spec["restart_policy"] == "unless-stopped"


def test_what_the_engine_has_is_known_by_label():
    labels = {"cloudlab.instance": "lab", "cloudlab.source": "packages"}
    stock = EMPTY | {"volumes": [{"Name": "lab-db-data", "Labels": labels}], "networks": [{"Name": "lab-database"}]}
    found = describe(stock)
    assert found["volumes"]["lab-db-data"] == {
        "name": "lab-db-data",
        "target": "/data",
        "component": "db",
        "exists": True,
        "ours": True,
        "labels": labels,
    }
    assert (found["networks"]["database"]["exists"], found["networks"]["database"]["ours"]) == (True, False)


def test_images_are_added_and_what_has_none_is_skipped():
    built = {"reference": "db:1", "source": "packages", "state": "present"}
    found = environment.with_images(describe(), {"db": built})
    assert found["components"]["db"]["spec"]["image"] == "db:1"
    assert found["components"]["db"]["image"] == built
    assert found["chosen"] == ["disk", "db"]


@pytest.mark.parametrize("name", ["db"])
def test_a_skipped_image_skips_its_component(name):
    skipped = {"state": "skipped", "reason": "no registry answers"}
    found = environment.with_images(describe(), {name: skipped})
    assert found["chosen"] == ["disk"]
    assert found["skipped"] == {name: "no registry answers"}
    assert name not in found["components"]
