"""Selection by tag and profile, startup order, and the committed catalogue."""

import pytest
import yaml

from cloudlab.model import catalogue, declarations, platform, schema, settings, sizes

SMALL = {
    "db": {"summary": "", "role": "db", "kind": "store", "startup": 20},
    "coordinator": {"summary": "", "role": "coordinator", "kind": "store", "startup": 30},
    "broker": {"summary": "", "role": "broker", "kind": "store", "needs": ["coordinator"], "startup": 10},
    "user": {"summary": "", "role": "service", "kind": "service", "needs": ["db"]},
    "order": {"summary": "", "role": "service", "kind": "service", "needs": ["user", "broker"]},
}
PROFILES = {"full": {"size": "full", "components": "all"}, "some": {"size": "lite", "components": ["user"]}}


@pytest.fixture(scope="module")
def committed():
    text = (settings.ROOT / "group_vars" / "all" / "catalogue.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def test_the_committed_catalogue_has_no_problems(committed):
    roles = [path.name for path in (settings.ROOT / "roles").iterdir()]
    found = catalogue.problems(
        committed["catalogue"], committed["networks"], committed["images"], settings.spec(), roles
    )
    assert schema.problems(committed, declarations.Catalogue) + found == []


def test_the_committed_catalogue_has_no_templates(committed):
    assert "{{" not in (settings.ROOT / "group_vars" / "all" / "catalogue.yml").read_text(encoding="utf-8")


def test_every_build_context_exists(committed):
    for image in committed["images"].values():
        assert "context" not in image or (settings.ROOT / "files" / "images" / image["context"]).is_dir()


def test_every_component_has_limits_in_every_size(committed):
    for name, entry in committed["catalogue"].items():
        for size in ("full", "lite"):
            assert {"memory", "cpus", "pids"} <= catalogue.resources(entry, size).keys(), name


@pytest.mark.parametrize(("profile", "most"), [("full", "12g"), ("lite", "6g")])
def test_the_limits_of_a_profile_fit_a_laptop(profile, most):
    components = platform.chosen({"CLOUDLAB_ENV_FILE": ""}).components
    profiles = catalogue.committed("profiles")["profiles"]
    limits = [
        sizes.parse(catalogue.resources(components[name], profiles[profile]["size"])["memory"])
        * components[name].get("replicas", 1)
        for name in catalogue.choose(components, profiles, profile, [])
    ]
    assert sum(limits) <= sizes.parse(most)


def test_tags_of_a_role_are_its_components_and_their_dependents():
    assert catalogue.tags_for("db", SMALL) == ["db", "order", "user"]
    assert catalogue.tags_for("coordinator", SMALL) == ["broker", "coordinator", "order"]
    assert catalogue.tags_for("service", SMALL) == ["order", "user"]


def test_tags_of_an_unknown_role():
    with pytest.raises(catalogue.CatalogueError, match="roles are: broker, coordinator, db, service"):
        catalogue.tags_for("cache", SMALL)


def test_selection_by_tag_includes_dependencies():
    assert catalogue.choose(SMALL, PROFILES, "full", ["broker"]) == ["coordinator", "broker"]


def test_selection_by_profile_includes_dependencies():
    assert catalogue.choose(SMALL, PROFILES, "some", ["all"]) == ["db", "user"]


def test_a_profile_excludes_components_and_other_profiles():
    profiles = PROFILES | {"rest": {"components": "all", "without": ["some", "order", "db"]}}
    assert catalogue.choose(SMALL, profiles, "rest", []) == ["coordinator", "broker"]


def test_a_tag_wins_over_the_profile():
    assert catalogue.choose(SMALL, PROFILES, "some", ["coordinator"]) == ["coordinator"]


def test_slow_starters_first_but_after_their_dependencies():
    assert catalogue.start_order(SMALL, SMALL) == ["db", "coordinator", "broker", "user", "order"]


@pytest.mark.parametrize(
    ("profile", "tags", "message"),
    [
        ("full", ["borker"], "unknown tag borker. Did you mean broker? Valid: broker, coordinator, db, order, user."),
        ("big", [], "unknown profile big."),
    ],
)
def test_unknown_names_list_the_valid_ones(profile, tags, message):
    with pytest.raises(catalogue.CatalogueError) as error:
        catalogue.choose(SMALL, PROFILES, profile, tags)
    assert message in str(error.value)


def test_an_unknown_component_in_a_profile():
    profiles = {"mine": {"components": ["user", "cache"]}}
    with pytest.raises(catalogue.CatalogueError, match="component in profile mine: cache"):
        catalogue.choose(SMALL, profiles, "mine", [])


def test_a_cycle_is_shown():
    ring = {name: {"needs": [need]} for name, need in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"))}
    with pytest.raises(catalogue.CatalogueError, match="dependencies form a cycle: a -> b -> c -> a"):
        catalogue.start_order(ring, ring)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"needs": ["cache"]}, "catalogue.db.needs: unknown component cache"),
        ({"role": "nobody"}, "catalogue.db.role: unknown role nobody"),
        ({"networks": ["moon"]}, "catalogue.db.networks: unknown network moon"),
        ({"image": "none"}, "catalogue.db.image: unknown image none"),
        ({"ports": [{"name": "x", "container": 1, "setting": "x_port"}]}, "catalogue.db.ports: unknown setting x_port"),
        ({"resources": {"full": {"memory_setting": "x_memory"}}}, "catalogue.db.resources: unknown setting x_memory"),
        ({"needs": ["db"]}, "dependencies form a cycle: db -> db"),
    ],
)
def test_problems_name_the_entry(change, message):
    broken = {**SMALL, "db": {**SMALL["db"], **change}}
    found = catalogue.problems(broken, ["backend"], ["db"], ["db_port"], ["db", "coordinator", "broker", "service"])
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "thing"}, "catalogue.db.kind: expected one of store, gateway, tool, observability, found 'thing'."),
        ({"volume": {}}, "catalogue.db: unknown key volume. Did you mean volumes?"),
        ({"needs": "cache"}, "catalogue.db.needs: expected a list, found a string."),
        ({"metrics": {}}, "catalogue.db.metrics: port must be set."),
        (
            {"resources": {"full": {"memory": "much"}}},
            "catalogue.db.resources.full.memory: expected an amount of memory",
        ),
    ],
)
def test_an_invalid_entry(change, message):
    entry = {"summary": "Store", "role": "db", "kind": "store", **change}
    [found] = schema.problems({"catalogue": {"db": entry}, "networks": {}, "images": {}}, declarations.Catalogue)
    assert found.startswith(message)


def test_an_entry_without_its_role():
    entry = {"summary": "Store", "kind": "store"}
    found = schema.problems({"catalogue": {"db": entry}, "networks": {}, "images": {}}, declarations.Catalogue)
    assert found == ["catalogue.db: role must be set."]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({"db": {"repository": "a/db"}}, "images.db: tag must be set."),
        ({"db": {"repository": "a/db", "tag": 1.10}}, "images.db.tag: expected a non-empty string, found 1.1."),
    ],
)
def test_an_invalid_image(images, message):
    [found] = schema.problems({"catalogue": {}, "networks": {}, "images": images}, declarations.Catalogue)
    assert found.startswith(message)


def test_two_components_on_one_port_setting():
    port = {"ports": [{"name": "x", "container": 1, "setting": "x_port"}]}
    broken = {"a": {**SMALL["db"], **port}, "b": {**SMALL["db"], **port}}
    assert "the setting x_port is the port of a and b" in catalogue.problems(broken, [], [], ["x_port"], ["db"])[0]


def test_ports_used_twice_and_out_of_range():
    entries = {
        "a": {"ports": [{"name": "x", "container": 1, "setting": "a_port"}]},
        "b": {"ports": [{"name": "y", "container": 1, "setting": "b_port"}]},
        "c": {"ports": [{"name": "z", "container": 1, "setting": "c_port"}]},
    }
    values = {"a_port": 5000, "b_port": 5000, "c_port": 65000, "port_offset": 1000}
    ports = catalogue.host_ports(entries, entries, values)
    assert ports["a"] == {"x": 6000}
    assert catalogue.port_problems(ports) == [
        "port 6000 is used twice: a (x) and b (y). Change one of the two in .env.",
        "port 66000 of c (z) is above 65535. Lower PORT_OFFSET.",
    ]


def test_sizes_fall_back_to_full():
    entry = {"resources": {"full": {"memory": "1g", "cpus": 2}, "lite": {"memory": "512m"}}}
    assert catalogue.resources(entry, "lite") == {"memory": "512m", "cpus": 2}
