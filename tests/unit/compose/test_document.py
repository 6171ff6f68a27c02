"""The Compose documents: dependencies, profiles, and the development override."""

import yaml

from cloudlab.compose import described, document, files
from cloudlab.containers import declaration
from cloudlab.model import settings
from cloudlab.stores import base

CATALOGUE = {
    "events": {"kind": "store", "role": "kafka"},
    "db": {"kind": "store", "role": "db"},
    "cache": {"kind": "store", "role": "cache"},
    "maker": {"kind": "tool", "role": "go_service"},
    "shop": {"kind": "service", "role": "go_service", "needs": ["db", "cache", "mail"]},
    "mail": {"kind": "service", "role": "go_service"},
    "logs": {"kind": "observability", "role": "logs"},
}


class Tagged(yaml.SafeLoader):
    """A loader that reads values with Compose tags as null."""


Tagged.add_multi_constructor("!", lambda *_: None)

PROFILES = {
    "full": {"components": "all"},
    "lite": {"components": "all", "without": ["logs"]},
    "watch": {"components": ["logs"]},
}
CONTEXT = {
    "instance": "lab",
    "catalogue": CATALOGUE,
    "chosen": list(CATALOGUE),
    "volumes": {"lab-maker-bin": {"component": "maker"}, "lab-db-data": {"component": "db"}},
}


def container(name, **options):
    raw = {"name": f"lab-{name}", "component": name, "image": f"{name}:1", "networks": ["lab-back"]}
    [parsed] = declaration.parse([{**raw, "init": True, "cap_drop": ["ALL"], **options}], "lab")
    return described.container(parsed, settings.ROOT / "roles" / "dashboard")


def everything(**shop):
    check = {"test": ["CMD", "true"], "interval": "10s", "start_interval": "1s"}
    containers = [
        container("shop", **shop),
        container("logs"),
        container("events"),
        container("maker", healthcheck={"test": ["CMD", "true"], "start_period": "5m"}),
        container("cache", healthcheck=check),
        container(
            "db",
            user="9:9",
            memory="64m",
            mounts=[
                {"type": "volume", "source": "lab-db-data", "target": "/data"},
                {"type": "tmpfs", "target": "/run/db", "tmpfs_size": "1m"},
            ],
        ),
    ]
    return described.NOTHING | {
        "containers": {each["name"]: each for each in containers},
        "programs": [base.program("lab-db", "fill\n", {"PASSWORD": "p"}, ["/run/db"])],
        "images": {"shop:own": {"dockerfile": "recipe/Dockerfile", "args": {"MAIN": "./shop"}}},
    }


def build(**shop):
    return document.build(everything(**shop), CONTEXT, PROFILES)


def test_services_are_grouped_and_in_startup_order():
    assert list(build()["services"]) == ["db", "db-init", "cache", "events", "shop", "logs", "maker"]


def test_configurations_are_in_the_order_of_the_services():
    described = everything(files=[{"content": "x", "target": "/shop"}])
    maker = container("maker", files=[{"content": "x", "target": "/maker"}])
    made = document.build(described | {"containers": described["containers"] | {"lab-maker": maker}}, CONTEXT, PROFILES)
    assert list(made["configs"]) == ["shop-shop", "maker-maker"]


def test_a_service_waits_for_initialised_stores_only():
    assert build()["services"]["shop"]["depends_on"] == {
        "db-init": {"condition": "service_completed_successfully"},
        "cache": {"condition": "service_healthy"},
    }


def test_a_service_waits_for_the_writer_of_its_volume():
    reads = [{"type": "volume", "source": "lab-maker-bin", "target": "/bin", "read_only": True}]
    made = build(mounts=reads, healthcheck={"test": ["CMD", "true"], "start_period": "1m"})["services"]["shop"]
    assert made["depends_on"]["maker"] == {"condition": "service_healthy"}
    # It is not unhealthy while the other one writes it.
    assert made["healthcheck"]["start_period"] == "360s"


def test_a_volume_belongs_to_its_writer():
    made = build(mounts=[{"type": "volume", "source": "lab-db-data", "target": "/data", "read_only": True}])
    assert made["volumes"]["db-data"]["labels"]["cloudlab.component"] == "db"


def test_a_store_is_initialised_with_its_own_image():
    made = build()
    store, shot = made["services"]["db"], made["services"]["db-init"]
    assert shot["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert shot["command"] == ["set -eu\nfill\n"]
    assert shot["restart"] == "no"
    assert shot["read_only"] is True
    assert {key: shot[key] for key in ("image", "user", "mem_limit", "networks", "init")} == {
        key: store[key] for key in ("image", "user", "mem_limit", "networks", "init")
    }
    # Only the sockets of the store.
    assert shot["volumes"] == ["db-db:/run/db"]
    assert made["volumes"]["db-db"]["driver_opts"]["type"] == "tmpfs"
    assert shot["labels"]["cloudlab.component"] == "db-init"
    assert shot["labels"]["cloudlab.ends"] == "true"


def test_components_outside_the_base_profile_have_profiles():
    made = build()["services"]
    assert made["logs"]["profiles"] == ["full", "watch", "logs"]
    assert all("profiles" not in made[name] for name in ("db", "db-init", "cache", "shop"))


def test_a_built_image_has_build_arguments():
    assert build(image="shop:own")["services"]["shop"]["build"] == {
        "context": ".",
        "dockerfile": "recipe/Dockerfile",
        "args": {"MAIN": "./shop"},
    }


def test_networks_and_volumes_belong_to_the_instance():
    made = build()
    assert made["name"] == "lab"
    assert made["networks"] == {"back": {"name": "lab-back", "labels": {"cloudlab.instance": "lab"}}}
    assert made["volumes"]["db-data"]["labels"] == {"cloudlab.instance": "lab", "cloudlab.component": "db"}


def test_networks_volumes_and_configurations_of_removed_services_are_removed():
    made = document.without(build(files=[{"content": "x", "target": "/x"}]), ["db", "db-init", "maker", "shop"])
    assert list(made["services"]) == ["cache", "events", "logs"]
    assert (made["volumes"], made["configs"]) == ({}, {})
    assert list(made["networks"]) == ["back"]


def merge(own, other):
    """Merge two entries as Compose does, as far as this project uses it."""
    made = dict(own)
    for key, value in other.items():
        if isinstance(value, document.Reset):
            del made[key]
        elif isinstance(value, document.Override):
            made[key] = value.value
        elif isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key] = merge(made[key], value)
        else:
            assert key in ("entrypoint", "command", "test") or not isinstance(made.get(key), list | dict)
            made[key] = value
    return made


def test_the_override_has_only_the_differences_from_the_base():
    check = {"test": ["CMD", "base"], "start_period": "5s", "retries": 3}
    base = build(image="shop:own", entrypoint=["/own"], read_only=True, env={"A": "1"}, labels={"c": "d"})
    base["services"]["shop"] |= {"build": {"context": "."}, "healthcheck": check, "tmpfs": ["/a"]}
    reload = build(image="run:1", entrypoint=["/run"], labels={"a": "b"}, user="1:1")
    reload["services"]["shop"] |= {"healthcheck": check | {"start_period": "9s"}, "tmpfs": ["/b"]}
    reload["services"]["extra"] = {"image": "extra:1"}
    override = document.changes(base, reload)
    assert merge(base["services"], override["services"]) == reload["services"]
    # It has only the differences.
    assert override["services"].keys() == {"shop", "extra"}
    assert override["services"]["shop"]["healthcheck"] == {"start_period": "9s"}
    assert override["services"]["shop"]["entrypoint"] == ["/run"]
    assert document.changes(base, base) == {}


def test_start_intervals_are_in_a_separate_file():
    made = build()
    texts = files.texts(made, made, [], "full", settings.own())
    assert "start_interval" not in texts[files.BASE] + texts[files.OVERRIDE]
    assert yaml.safe_load(texts[files.ENGINE_25]) == {
        "services": {"cache": {"healthcheck": {"interval": "10s", "start_interval": "1s"}}}
    }


def test_configurations_are_in_a_file_that_the_base_includes():
    shared = {"content": "same", "target": "/b"}
    base = build(files=[{"content": "of the image", "target": "/a"}, shared])
    reload = build(files=[{"content": "reload", "target": "/a"}, shared, {"content": "new", "target": "/c"}])
    written = files.texts(base, reload, [], "full", settings.own())
    texts = {name: yaml.load(written[name], Tagged) for name in (files.BASE, files.CONFIGS, files.OVERRIDE)}  # noqa: S506
    assert texts[files.BASE]["include"] == [files.CONFIGS]
    assert "configs" not in texts[files.BASE]
    contents = {name: entry["content"] for name, entry in texts[files.CONFIGS]["configs"].items()}
    assert contents == {"shop-a": "of the image", "shop-b": "same", "shop-c": "new"}
    # Different content for development is in the override.
    assert texts[files.OVERRIDE]["configs"] == {"shop-a": {"content": "reload"}}


def test_a_container_is_recreated_for_another_configuration():
    """The label depends on the template and on the settings in it, but not on variables of the shell."""

    def label(content):
        made = document.stamp(build(files=[{"content": content, "target": "/x"}]))["services"]
        assert all(document.LABEL_CONFIGS not in made[name]["labels"] for name in ("db", "db-init"))
        return made["shop"]["labels"][document.LABEL_CONFIGS]

    digest, *settings = label("a=${A:-1} b=${B:-2} $${SHELL} ${A:-1}").split()
    assert settings == ["${A:-1}", "${B:-2}"]
    assert label("another").split() != [digest]
