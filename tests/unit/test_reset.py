"""The plan of a reset at each level."""

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


OBJECTS = {
    "containers": [
        item("lab-coordinator", "coordinator"),
        item("lab-broker", "broker"),
        item("lab-db", "db"),
        item("lab-gone", "gone"),
        item("other-db", "db", "other"),
        {"Names": ["/lab-unlabelled"], "Labels": None},
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
    return reset.plan(level, names, COMPONENTS, "lab", OBJECTS)


def test_the_level_component_keeps_the_data():
    assert plan("component", "db") == {"containers": ["lab-db"], "volumes": [], "networks": [], "directory": False}


def test_the_level_data_removes_container_and_data():
    assert plan("data", "db") == {
        "containers": ["lab-db"],
        "volumes": ["lab-db-data"],
        "networks": [],
        "directory": False,
    }


def test_data_of_dependents_is_removed_and_dependents_first():
    found = plan("data", "coordinator")
    assert found["containers"] == ["lab-broker", "lab-coordinator"]
    assert found["volumes"] == ["lab-broker-data", "lab-coordinator-data"]


def test_the_level_everything_removes_only_the_instance():
    assert plan("everything") == {
        "containers": ["lab-gone", "lab-db", "lab-broker", "lab-coordinator"],
        "volumes": ["lab-broker-data", "lab-coordinator-data", "lab-db-data"],
        "networks": ["lab-backend"],
        "directory": True,
    }


@pytest.mark.parametrize(
    ("level", "names", "message"),
    [
        ("", [], "the level is missing. Pass it with -e level=, one of: component, data, everything."),
        ("date", ["db"], "unknown level date. Did you mean data?"),
        ("data", [], "level data requires components"),
        ("component", ["brokr"], "unknown component brokr. Did you mean broker?"),
        ("everything", ["db"], "level everything does not accept components"),
    ],
)
def test_invalid_arguments_are_rejected(level, names, message):
    with pytest.raises(reset.ResetError) as error:
        plan(level, *names)
    assert message in str(error.value)
