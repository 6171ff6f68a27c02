"""What the settings exclude from the catalogue, for example ZooKeeper with KRaft."""

from pathlib import Path

import pytest
import yaml

from cloudlab.lifecycle import preflight, reset
from cloudlab.model import catalogue, conditions, environment, platform
from cloudlab.observe.logs import __main__ as logs
from cloudlab.validate import platform as expectations

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
REASON = (
    "keeper is not part of this environment with MODE=alone. Remove it from {place}, or set MODE=keeper in .env.".format
)
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
    entries, excluded = effective(mode)
    chosen = chosen or catalogue.choose(entries, PROFILES, "all", [])
    stock = {"containers": list(containers), "networks": [], "volumes": []}
    values = BASE | {"catalogue": entries}
    return environment.describe(Path("/lab"), values, chosen, stock, {"cpus": 1}, complete, excluded=excluded)


def test_everything_is_there_where_the_settings_meet_the_conditions():
    found, excluded = effective("keeper")
    assert excluded == {}
    assert found.keys() == COMPONENTS.keys()
    assert found["broker"]["needs"] == ["keeper", "disk"]
    assert found["broker"]["volumes"] == {"data": "/data", "cache": "/cache"}


def test_what_is_excluded_is_neither_there_nor_needed():
    found, excluded = effective("alone")
    assert excluded == {"keeper": {"actual": "MODE=alone", "required": "MODE=keeper", "entry": COMPONENTS["keeper"]}}
    assert found.keys() == {"broker", "disk", "user"}
    assert found["broker"]["needs"] == ["disk"]
    assert found["broker"]["volumes"] == {"own": "/data", "cache": "/cache"}
    assert found["broker"]["excluded"] == {"needs": ["keeper"], "volumes": {"data": {"mode": "keeper"}}}
    assert found["disk"]["data_of"] == []
    assert catalogue.choose(found, PROFILES, "all", ["user"]) == ["disk", "broker", "user"]


@pytest.mark.parametrize(
    ("profile", "tags", "place"), [("all", ["keeper"], "--tags"), ("mine", [], "the profile mine")]
)
def test_selecting_what_is_excluded_says_which_setting_excludes_it(profile, tags, place):
    found, excluded = effective("alone")
    with pytest.raises(catalogue.CatalogueError) as error:
        catalogue.choose(found, PROFILES, profile, tags, excluded)
    assert error.value.problems == [REASON(place=place)]


def test_only_the_settings_that_are_not_met_are_named():
    entry = STORE | {"when": {"mode": "keeper", "size": "full"}}
    excluded = conditions.effective({"keeper": entry}, {"mode": "alone", "size": "full"}).excluded
    assert (excluded["keeper"]["actual"], excluded["keeper"]["required"]) == ("MODE=alone", "MODE=keeper")


@pytest.mark.parametrize("place", ["when", "volumes.data.when"])
def test_a_condition_on_an_unknown_setting_is_an_error(place):
    condition = {"when": {"mood": "x"}}
    entry = condition if place == "when" else {"volumes": {"data": {"path": "/data", **condition}}}
    with pytest.raises(catalogue.CatalogueError) as error:
        conditions.effective({"broker": STORE | entry}, {"mode": "alone"})
    message = f"catalogue.broker.{place}: unknown setting mood. Did you mean mode? Valid: mode."
    assert error.value.problems == [message]


PROGRAM = {"summary": "Orders", "go": {"main": "."}}
EXCLUDED = {"services": {"order": PROGRAM | {"needs": ["keeper"]}}}
VALUE = {"services": {"order": PROGRAM | {"env": {"KEEPER": "{keeper.host}"}}}}
SEED = {"services": {}, "seed": {"go": {"main": "."}, "sizes": {"small": {}}, "env": {"KEEPER": "{keeper.host}"}}}


def refusals(folder, description):
    """The problems of a platform where `keeper`, which gives services a value, is excluded."""
    (folder / "go.mod").write_text("module example.com/m\n")
    (folder / "main.go").write_text("package main\n")
    (folder / "cloudlab.yml").write_text(yaml.safe_dump(description))
    components = COMPONENTS | {"keeper": COMPONENTS["keeper"] | {"values": ["host"]}}
    values = {"mode": "alone", "platform_src": str(folder), "platform_catalogue": ""}
    with pytest.raises(platform.PlatformError) as error:
        platform.complete(components, values)
    return error.value.problems


@pytest.mark.parametrize(
    ("description", "key", "place"),
    [
        (EXCLUDED, "services.order.needs: ", "`needs`"),
        (VALUE, "services.order.env.KEEPER: {keeper.host}: ", "the value"),
        (SEED, "seed.env.KEEPER: {keeper.host}: ", "the value"),
    ],
)
def test_a_platform_that_refers_to_what_is_excluded_gets_both_fixes(tmp_path, description, key, place):
    assert refusals(tmp_path, description) == [f"{tmp_path}/cloudlab.yml: {key}{REASON(place=place)}"]


def test_a_service_cannot_have_the_name_of_what_is_excluded(tmp_path):
    [found] = refusals(tmp_path, {"services": {"keeper": PROGRAM}})
    assert "services.keeper: the name keeper belongs to a component of the environment" in found


def test_seeded_rows_of_what_is_excluded(tmp_path):
    (tmp_path / expectations.FILE).write_text(yaml.safe_dump({"seeded": {"keeper": {"orders": "orders"}}}))
    components = COMPONENTS | {"keeper": COMPONENTS["keeper"] | {"rows_in": "table"}}
    found, excluded = conditions.effective(components, {"mode": "alone"})
    with pytest.raises(expectations.ExpectationError) as error:
        expectations.read(tmp_path, found, excluded)
    assert error.value.problems == [f"{tmp_path}/stores.yml: seeded: {REASON(place='`seeded`')}"]


def test_logs_of_what_is_excluded(monkeypatch, capsys):
    monkeypatch.setenv("CLOUDLAB_ENV_FILE", "")
    monkeypatch.setenv("KAFKA_MODE", "kraft")
    assert logs.main(["zookeeper"]) == 2
    assert capsys.readouterr().err == (
        "ERROR: zookeeper is not part of this environment with KAFKA_MODE=kraft. "
        "Remove it from the arguments, or set KAFKA_MODE=zookeeper in .env.\n"
    )


IMAGES = {"broker": {"data": "4"}}


def provide(state, *started, mode="alone"):
    """The environment after its images were provided: that of the broker, or the reason why there is none."""
    described = describe(mode, started, chosen=["disk", "broker"])
    described["components"]["broker"]["image_key"] = "broker"
    image = {"reference": "broker:1", "source": "registry", "state": state, "reason": "no registry answers"}
    return environment.with_images(described, {"broker": image}, IMAGES)


def test_a_dependency_is_not_removed_from_a_container_that_cannot_be_replaced():
    with pytest.raises(environment.ImageError) as error:
        provide("skipped", *STARTED[:3])
    assert str(error.value) == (
        "the container of broker needs keeper, which is not part of this environment with MODE=alone, and cannot be "
        "replaced: no registry answers. Nothing was changed. Provide the image, or set MODE=keeper in .env."
    )


def test_a_dependency_is_removed_when_nothing_needs_it_or_its_dependent_can_be_replaced():
    assert provide("present", *STARTED[:3])["retired"] == ["lab-keeper"]
    assert provide("skipped", STARTED[0])["retired"] == ["lab-keeper"]
    assert provide("skipped", *STARTED[1:3])["retired"] == []
    assert provide("skipped", *STARTED[:3], mode="keeper")["unavailable"] == {"broker": "no registry answers"}


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
    plan = reset.plan("data", names, effective(mode).components, "lab", objects)
    assert plan["volumes"] == [f"lab-{name}" for name in removed]
    everything = reset.plan("everything", [], effective(mode).components, "lab", objects)
    assert len(everything["volumes"]) == 4


def test_a_reset_of_what_is_excluded_names_the_setting():
    objects: dict = {"containers": [], "networks": [], "volumes": []}
    with pytest.raises(reset.ResetError) as error:
        reset.plan("data", ["keeper"], effective("alone").components, "lab", objects, effective("alone").excluded)
    assert error.value.problems == [REASON(place="-e components")]


def test_zookeeper_exists_unless_kafka_runs_in_kraft_mode():
    default = platform.chosen({"CLOUDLAB_ENV_FILE": ""}).components
    kraft = platform.chosen({"CLOUDLAB_ENV_FILE": "", "KAFKA_MODE": "kraft"}).components
    assert default.keys() - kraft.keys() == {"zookeeper"}
    assert (default["kafka"]["needs"], kraft["kafka"]["needs"]) == (["zookeeper"], [])
    assert (default["kafka"]["volumes"].keys(), kraft["kafka"]["volumes"].keys()) == ({"data"}, {"kraft"})
    assert "zookeeper" in catalogue.tags_for("zookeeper", default)
    assert catalogue.tags_for("zookeeper", kraft) == []
    profiles = catalogue.committed("profiles")["profiles"]
    for profile in profiles:
        chosen = [catalogue.choose(entries, profiles, profile, []) for entries in (default, kraft)]
        assert set(chosen[0]) - {"zookeeper"} == set(chosen[1])
