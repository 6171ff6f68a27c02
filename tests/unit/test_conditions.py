"""What the settings exclude from the catalogue, for example ZooKeeper with KRaft."""

from pathlib import Path

import pytest

from cloudlab.lifecycle import preflight, reset
from cloudlab.model import catalogue, conditions, environment, platform

STORE = {"summary": "", "role": "store", "kind": "store"}
COMPONENTS = {
    "keeper": STORE | {"role": "keeper", "when": {"mode": "keeper"}, "data_of": ["broker"]},
    "broker": STORE
    | {
        "needs": ["keeper", "disk"],
        "volumes": {
            "data": {"path": "/data", "when": {"mode": "keeper"}},
            "own": {"path": "/data", "when": {"mode": "alone"}},
            "cache": "/cache",
        },
    },
    "disk": STORE | {"data_of": ["keeper"]},
    "user": STORE | {"needs": ["broker"]},
}
PROFILES = {"all": {"components": "all"}, "mine": {"components": ["user", "keeper"]}}
REASON = "keeper exists only with MODE=keeper, but MODE is alone. Leave it out, or set MODE=keeper in .env."
BASE = {"cloudlab_instance": "lab", "cloudlab_profile": "all", "port_offset": 0, "profiles": PROFILES, "networks": {}}


def effective(mode):
    return conditions.effective(COMPONENTS, {"mode": mode})


def container(component, *volumes):
    labels = {"cloudlab.instance": "lab", "cloudlab.component": component}
    mounts = [{"Type": "volume", "Name": f"lab-{volume}"} for volume in volumes]
    return {"Names": [f"/lab-{component}"], "Labels": labels, "Mounts": mounts}


def volume(component, name):
    return {"Name": f"lab-{component}-{name}", "Labels": container(component)["Labels"]}


STARTED = [container("keeper"), container("broker", "broker-data"), container("disk"), container("user")]


def describe(mode, containers=(), chosen=None, complete=True):
    entries = effective(mode)
    chosen = chosen or catalogue.choose(entries, PROFILES, "all", [])
    stock = {"containers": list(containers), "networks": [], "volumes": []}
    return environment.describe(Path("/lab"), BASE | {"catalogue": entries}, chosen, stock, {"cpus": 1}, complete)


def test_everything_is_there_where_the_settings_meet_the_conditions():
    found = effective("keeper")
    assert found.keys() == COMPONENTS.keys()
    assert found["broker"]["needs"] == ["keeper", "disk"]
    assert found["broker"]["volumes"] == {"data": "/data", "cache": "/cache"}


def test_what_is_excluded_is_neither_there_nor_needed():
    found = effective("alone")
    assert found.keys() == {"broker", "disk", "user"}
    assert found["broker"]["needs"] == ["disk"]
    assert found["broker"]["volumes"] == {"own": "/data", "cache": "/cache"}
    assert found["broker"]["excluded"] == {"needs": ["keeper"], "volumes": {"data": {"mode": "keeper"}}}
    assert found["disk"]["data_of"] == []
    assert catalogue.choose(found, PROFILES, "all", ["user"]) == ["disk", "broker", "user"]


@pytest.mark.parametrize(
    ("profile", "tags", "what"), [("all", ["keeper"], "tag"), ("mine", [], "component in profile mine:")]
)
def test_selecting_what_is_excluded_says_which_setting_excludes_it(profile, tags, what):
    excluded = conditions.excluded(COMPONENTS, {"mode": "alone"})
    with pytest.raises(catalogue.CatalogueError) as error:
        catalogue.choose(effective("alone"), PROFILES, profile, tags, excluded)
    assert error.value.problems == [f"{what} {REASON}"]


@pytest.mark.parametrize("place", ["when", "volumes.data.when"])
def test_a_condition_on_an_unknown_setting_is_an_error(place):
    condition = {"when": {"mood": "x"}}
    entry = condition if place == "when" else {"volumes": {"data": {"path": "/data", **condition}}}
    with pytest.raises(catalogue.CatalogueError) as error:
        conditions.effective({"broker": STORE | entry}, {"mode": "alone"})
    message = f"catalogue.broker.{place}: unknown setting mood. Did you mean mode? Valid: mode."
    assert error.value.problems == [message]


def test_a_needed_container_that_is_excluded_now_is_removed_last_and_by_any_run_of_its_dependents():
    assert describe("keeper", STARTED)["surplus"] == describe("keeper", STARTED)["retired"] == []
    whole = describe("alone", [*STARTED, container("gone")])
    assert (whole["surplus"], whole["retired"]) == (["lab-gone", "lab-keeper"], ["lab-keeper"])
    part = describe("alone", STARTED, ["disk", "broker"], complete=False)
    assert part["surplus"] == part["retired"] == ["lab-keeper"]
    other = describe("alone", STARTED, ["disk"], complete=False)
    assert other["surplus"] == other["retired"] == []


def test_stopping_stops_what_is_excluded_now_after_its_dependents():
    needs = {item["component"]: item["needs"] for item in describe("alone", STARTED)["present"]}
    assert needs == {"keeper": [], "broker": ["disk", "keeper"], "disk": [], "user": ["broker"]}


def test_leaving_a_volume_is_a_warning_that_names_the_setting_which_uses_it():
    components = describe("alone")["components"]
    [found] = preflight.volumes(components, STARTED)
    assert found.level == preflight.WARNING
    assert "lab-broker-data is kept, but not used" in found.text
    assert "MODE=keeper" in found.fix
    assert preflight.volumes(components, [container("broker", "broker-own", "broker-cache")]) == []
    assert len(preflight.volumes(describe("keeper")["components"], [container("broker", "broker-own")])) == 1


@pytest.mark.parametrize(
    ("mode", "names", "removed"),
    [
        ("alone", ["broker"], ["broker-cache", "broker-own"]),
        ("keeper", ["broker"], ["broker-cache", "broker-data"]),
        ("keeper", ["keeper"], ["broker-cache", "broker-data", "keeper-log"]),
    ],
)
def test_a_reset_of_data_keeps_the_volumes_of_other_settings(mode, names, removed):
    volumes = [volume("broker", name) for name in ("data", "own", "cache")] + [volume("keeper", "log")]
    objects = {"containers": [], "networks": [], "volumes": volumes}
    plan = reset.plan("data", names, effective(mode), "lab", objects)
    assert plan["volumes"] == [f"lab-{name}" for name in removed]
    everything = reset.plan("everything", [], effective(mode), "lab", objects)
    assert len(everything["volumes"]) == 4


def test_a_reset_of_what_is_excluded_names_the_setting():
    objects: dict = {"containers": [], "networks": [], "volumes": []}
    with pytest.raises(reset.ResetError) as error:
        reset.plan("data", ["keeper"], effective("alone"), "lab", objects, {"keeper": REASON})
    assert error.value.problems == [f"component {REASON}"]


def test_zookeeper_exists_unless_kafka_runs_in_kraft_mode():
    default = platform.chosen({"CLOUDLAB_ENV_FILE": ""})
    kraft = platform.chosen({"CLOUDLAB_ENV_FILE": "", "KAFKA_MODE": "kraft"})
    assert default.keys() - kraft.keys() == {"zookeeper"}
    assert (default["kafka"]["needs"], kraft["kafka"]["needs"]) == (["zookeeper"], [])
    assert (default["kafka"]["volumes"].keys(), kraft["kafka"]["volumes"].keys()) == ({"data"}, {"kraft"})
    assert "zookeeper" in catalogue.tags_for("zookeeper", default)
    assert catalogue.tags_for("zookeeper", kraft) == []
    profiles = catalogue.committed("profiles")["profiles"]
    for profile in profiles:
        chosen = [catalogue.choose(entries, profiles, profile, []) for entries in (default, kraft)]
        assert set(chosen[0]) - {"zookeeper"} == set(chosen[1])
