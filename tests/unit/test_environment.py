"""The description of an environment that the roles work with."""

from pathlib import Path

import pytest

from cloudlab.model import environment

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


def describe(stock=EMPTY, chosen=("disk", "db"), complete=False):
    return environment.describe(Path("/lab"), VALUES, list(chosen), stock, ENGINE, complete)


def test_names_begin_with_the_instance():
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


@pytest.mark.parametrize(("set_to", "memory"), [("", "256m"), ("3g", "3g")])
def test_a_setting_replaces_the_memory_of_the_size(set_to, memory):
    catalogue = {**VALUES["catalogue"], "db": {**VALUES["catalogue"]["db"]}}
    catalogue["db"]["resources"] = {"full": {"memory": "1g", "memory_setting": "db_memory"}, "lite": {"memory": "256m"}}
    values = VALUES | {"catalogue": catalogue, "db_memory": set_to}
    found = environment.component("db", values, "lite", ENGINE)
    assert (found["memory"], found["spec"]["memory"], found["spec"]["memory_swap"]) == (memory, memory, memory)


def test_every_container_is_hardened_by_default():
    spec = describe()["components"]["db"]["spec"]
    assert spec["cap_drop"] == ["ALL"]
    assert spec["security_opts"] == ["no-new-privileges:true"]
    assert spec["read_only"] is True
    assert spec["init"] is True
    assert spec["restart_policy"] == "unless-stopped"


def test_labels_identify_existing_objects():
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


def test_containers_of_components_that_are_not_chosen_are_surplus():
    containers = [
        {"Names": ["/lab-db"], "Labels": {"cloudlab.instance": "lab", "cloudlab.component": "db"}},
        {"Names": ["/lab-disk"], "Labels": {"cloudlab.instance": "lab", "cloudlab.component": "disk"}},
        {"Names": ["/lab-gone"], "Labels": {"cloudlab.instance": "lab", "cloudlab.component": "gone"}},
        {"Names": ["/other-gone"], "Labels": {"cloudlab.instance": "other", "cloudlab.component": "gone"}},
        {"Names": ["/unmanaged"], "Labels": None},
    ]
    assert describe(EMPTY | {"containers": containers}, ["db"], complete=True)["surplus"] == ["lab-disk", "lab-gone"]
    assert describe(EMPTY | {"containers": containers})["surplus"] == []


IMAGES = {"db": {"data": {"registry": "26", "packages": "18"}}}
BUILT = {"reference": "db:1", "source": "packages", "state": "present"}


def volume(**labels):
    stock = [{"Name": "lab-db-data", "Labels": {"cloudlab.instance": "lab", **labels}}]
    return EMPTY | {"volumes": stock}


def test_images_are_added():
    found = environment.with_images(describe(), {"db": BUILT}, IMAGES)
    assert found["components"]["db"]["spec"]["image"] == "db:1"
    assert found["components"]["db"]["image"] == BUILT | {"data": "18"}
    assert found["chosen"] == ["disk", "db"]


def test_a_component_without_an_image_is_skipped():
    found = environment.with_images(describe(), {"db": {"state": "skipped", "reason": "no registry answers"}}, IMAGES)
    assert found["chosen"] == ["disk"]
    assert found["unavailable"] == {"db": "no registry answers"}
    assert "db" not in found["components"]


def test_a_component_cannot_depend_on_one_without_an_image():
    needed = describe()
    needed["components"]["disk"]["image_key"] = "disk"
    with pytest.raises(environment.ImageError, match="db needs disk, which is unavailable: gone"):
        environment.with_images(needed, {"db": BUILT, "disk": {"state": "skipped", "reason": "gone"}}, IMAGES)


def test_data_of_the_same_format_is_fine():
    stock = volume(**{"cloudlab.data": "18", "cloudlab.source": "packages"})
    environment.with_images(describe(stock), {"db": BUILT}, IMAGES)


def test_data_of_another_format_is_refused_with_a_fix():
    stock = volume(**{"cloudlab.data": "26", "cloudlab.source": "registry"})
    with pytest.raises(environment.ImageError) as error:
        environment.with_images(describe(stock), {"db": BUILT}, IMAGES)
    assert "the volume lab-db-data has data of db 26 (from registry), but db:1 reads 18" in str(error.value)
    assert "reset.yml -e level=data -e components=db" in str(error.value)


def test_a_missing_volume_has_its_labels():
    found = environment.with_images(describe(), {"db": BUILT}, IMAGES)
    assert environment.missing_volumes(found)[0]["labels"] == {
        "cloudlab.instance": found["instance"],
        "cloudlab.component": "db",
        "cloudlab.source": "packages",
        "cloudlab.data": found["components"]["db"]["image"]["data"],
    }


def test_a_label_identifies_containers_of_docker_compose():
    ours = {"Names": ["/lab-db"], "Labels": {"cloudlab.instance": "lab"}}
    composed = {"Names": ["/lab-db"], "Labels": ours["Labels"] | {"com.docker.compose.project": "lab"}}
    other = {"Names": ["/x"], "Labels": {"cloudlab.instance": "x", "com.docker.compose.project": "x"}}
    assert not describe(EMPTY | {"containers": [ours, other]})["composed"]
    assert describe(EMPTY | {"containers": [ours, composed]})["composed"]
