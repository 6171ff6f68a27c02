"""What a reset would remove at each level, and that it is never more."""

import pytest

from cloudlab.lifecycle import reset

COMPONENTS = {
    "coordinator": {"data_of": ["broker"]},
    "broker": {"needs": ["coordinator"]},
    "db": {},
}


def item(name, component="", instance="lab"):
    return {
        "Names": [f"/{name}"],
        "Name": name,
        "Labels": {"cloudlab.instance": instance, "cloudlab.component": component},
    }


STOCK = {
    "containers": [
        item("lab-coordinator", "coordinator"),
        item("lab-broker", "broker"),
        item("lab-db", "db"),
        item("lab-gone", "gone"),
        item("other-db", "db", "other"),
        {"Names": ["/lab-stranger"], "Labels": None},
    ],
    "volumes": [
        item("lab-db-data", "db"),
        item("lab-broker-data", "broker"),
        item("lab-coordinator-data", "coordinator"),
        item("other-db-data", "db", "other"),
        {"Name": "lab-precious", "Labels": None},
    ],
    "networks": [item("lab-backend"), item("other-backend", "", "other"), {"Name": "bridge", "Labels": {}}],
}


def plan(level, *names):
    return reset.plan(level, names, COMPONENTS, "lab", STOCK)


def test_a_component_loses_its_container_and_keeps_its_data():
    assert plan("component", "db") == {"containers": ["lab-db"], "volumes": [], "networks": [], "directory": False}


def test_data_goes_with_its_container():
    assert plan("data", "db") == {
        "containers": ["lab-db"],
        "volumes": ["lab-db-data"],
        "networks": [],
        "directory": False,
    }


def test_data_that_would_be_worthless_goes_along_and_what_needs_others_first():
    found = plan("data", "coordinator")
    assert found["containers"] == ["lab-broker", "lab-coordinator"]
    assert found["volumes"] == ["lab-broker-data", "lab-coordinator-data"]


def test_everything_is_everything_of_the_instance_and_nothing_else():
    assert plan("everything") == {
        "containers": ["lab-gone", "lab-db", "lab-broker", "lab-coordinator"],
        "volumes": ["lab-broker-data", "lab-coordinator-data", "lab-db-data"],
        "networks": ["lab-backend"],
        "directory": True,
    }


@pytest.mark.parametrize(
    ("level", "names", "message"),
    [
        ("", [], "which level? Say it with -e level=, one of: component, data, everything."),
        ("date", ["db"], "unknown level date. Did you mean data?"),
        ("data", [], "level data needs components"),
        ("component", ["brokr"], "unknown component brokr. Did you mean broker?"),
        ("everything", ["db"], "level everything takes no components"),
    ],
)
def test_what_cannot_be_done_is_said(level, names, message):
    with pytest.raises(reset.ResetError) as error:
        plan(level, *names)
    assert message in str(error.value)
