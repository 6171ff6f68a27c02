"""Declarations and specifications: normal form, hash, and every kind of mistake."""

from __future__ import annotations

import pytest
from container_samples import RAW, parse

from cloudlab.containers import declaration
from cloudlab.containers.spec import SpecError


def problems(*raw, **settings) -> list[str]:
    with pytest.raises(SpecError) as caught:
        declaration.parse(list(raw), "lab", **settings)
    return caught.value.problems


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"memry": "1g"}, "lab-web: unknown option 'memry'; did you mean 'memory'?"),
        ({"image": None}, "lab-web: image is missing"),
        ({"memory": "much"}, "lab-web: memory: 'much' is not an amount of memory"),
        ({"command": "ls -l"}, "lab-web: command: 'ls -l' is not a list"),
        ({"networks": [{"nam": "x"}]}, "lab-web: networks: item 1: unknown key 'nam'; did you mean 'name'?"),
        (
            {"mounts": [{"type": "volume", "target": "/x"}]},
            "source is missing; without it the volume would be anonymous",
        ),
        ({"mounts": [{"type": "bind", "source": "x", "target": "/x"}]}, "'x' is not an absolute path"),
        (
            {"mounts": [{"type": "bind", "source": "/x", "target": "/x", "tmpfs_size": "1m"}]},
            "tmpfs options on a bind",
        ),
        (
            {"mounts": [{"type": "volume", "source": "x", "target": "/x", "on_engine": True}]},
            "on_engine on a volume",
        ),
        ({"mounts": [{"type": "tmpfs", "source": "x", "target": "/x"}]}, "a tmpfs has no source"),
        ({"mounts": [{"type": "nfs", "target": "/x"}]}, "'nfs' is none of volume, bind, tmpfs"),
        ({"mounts": [{"source": "vol", "target": "/x"}] * 2}, "lab-web: mounts: /x is mounted twice"),
        ({"files": [{"content": "x", "target": "/data"}]}, "lab-web: files: /data is mounted twice"),
        ({"files": [{"target": "/x"}]}, "exactly one of src, content and copy must be set"),
        ({"files": [{"src": "a", "content": "b", "target": "/x"}]}, "exactly one of src, content and copy must be set"),
        (
            {"files": [{"copy": "/a", "content": "b", "target": "/x"}]},
            "exactly one of src, content and copy must be set",
        ),
        ({"files": [{"copy": "a.pem", "target": "/x"}]}, "'a.pem' is not an absolute path"),
        ({"files": [{"content": "", "target": "/x", "mode": "0044"}]}, "its owner must be able to read it"),
        ({"published_ports": ["80:80", "80:81"]}, "127.0.0.1:80/tcp is published twice"),
        ({"networks": []}, "published_ports: a container without networks cannot publish ports"),
        ({"memory_swap": "32m"}, "memory_swap: it limits memory and swap together, so it cannot be less than memory"),
        ({"memory": None, "memory_swap": "32m"}, "so memory must be set too"),
        ({"memory_reservation": "128m"}, "memory_reservation: it is more than memory"),
        ({"restart_retries": 3}, "restart_retries: it requires the restart_policy on-failure"),
        ({"log_driver": None}, "log_options: log_driver must be set too"),
        ({"labels": {"cloudlab.spec": "x"}}, "labels: cloudlab.spec is reserved for this plugin"),
        ({"healthcheck": {"interval": "1s"}}, "healthcheck: test is missing"),
        ({"healthcheck": {"test": ["true"]}}, "a list must begin with CMD, CMD-SHELL or NONE"),
        ({"restart_policy": "sometimes"}, "'sometimes' is none of no, always, on-failure, unless-stopped"),
        ({"ulimits": ["nofile:1:2", "nofile:3:4"]}, "nofile is limited twice"),
    ],
)
def test_a_mistake_is_named(options, problem):
    assert any(problem in found for found in problems({**RAW, **options}))


def test_all_mistakes_are_reported_together():
    found = problems({**RAW, "memory": "x", "cpus": "y"}, {"name": "lab-other", "component": "other"}, "nonsense")
    assert [line.partition(":")[0] for line in found] == ["lab-web", "lab-web", "lab-other", "specs, item 3"]


def test_a_mapping_instead_of_a_list_is_refused():
    with pytest.raises(SpecError, match="expected a list of specifications, got dict"):
        declaration.parse({}, "lab")


def test_conflicts_between_specifications():
    other = {**RAW, "name": "lab-other", "component": "other"}
    assert problems(RAW, RAW) == ["lab-web: 2 specifications have this name"]
    assert problems(RAW, other) == ["lab-other: published_ports: 127.0.0.1:8080/tcp is published by lab-web too"]


def test_a_cycle_of_needs_is_named():
    def one(name, *needs):
        return {"name": f"lab-{name}", "component": name, "image": "x", "needs": list(needs)}

    found = problems(one("a", "b"), one("b", "c"), one("c", "b"), one("d", "d"))
    assert found == ["needs: b -> c -> b is a cycle; no container could start first"]
    assert len(declaration.parse([one("a", "b", "elsewhere"), one("b")], "lab")) == 2


def test_a_name_is_enough_to_stop_a_container():
    [parsed] = declaration.parse([{"name": "lab-web"}], "lab", required=("name",))
    assert (parsed.component, parsed.image) == ("web", "")


def test_repeated_networks_are_merged_and_keep_their_order():
    parsed = parse(
        networks=["lab-front", {"name": "lab-back", "aliases": ["b"]}, {"name": "lab-front", "aliases": ["a"]}]
    )
    assert list(parsed.options["networks"].items()) == [("lab-front", ["a"]), ("lab-back", ["b"])]


SAME = [
    {"memory": "65536k"},
    {"memory": "1g"},
    {"cpus": 2},
    {"restart_policy": "always"},
    {"networks": ["lab-back"]},
    {"image": "web:2"},
    {"needs": ["database"]},
    {"env": {"DB_PASSWORD": "correct-horse", "LEVEL": "info"}},
    {"init": False},
    {"published_ports": ["8080:80"]},
    {"secret_env": ["LEVEL"]},
]
OTHER = [
    {"env": {"LEVEL": "info"}},
    {"env": {"LEVEL": "info", "DB_PASSWORD": "another"}},
    {"published_ports": ["8081:80"]},
    {"mounts": []},
    {"read_only": False},
    {"component": "other"},
    {"labels": {"a": "b"}},
    {"files": [{"content": "one", "target": "/etc/x"}]},
    {"healthcheck": {"test": ["CMD", "true"], "interval": "6s"}},
    {"stop_timeout": 5},
]


@pytest.mark.parametrize("options", SAME, ids=str)
def test_options_that_do_not_change_the_hash(options):
    """Spelling and order do not matter, and what can be changed in place is compared with the container itself."""
    assert parse(**options).hash == parse().hash


@pytest.mark.parametrize("options", OTHER, ids=str)
def test_options_that_change_the_hash(options):
    assert parse(**options).hash != parse().hash


def test_the_hash_is_stable():
    """Changing this value recreates every container of every user: only with a new HASH_FORMAT, and on purpose."""
    assert parse().hash == "b8095fc8780baa3e79d8e63289ef4ebc4fadd5e22d98b424a21b9e2294432127"


def test_the_content_and_mode_of_files_are_part_of_the_hash():
    hashes = {
        parse(files=[{"content": content, "target": "/etc/x", "mode": mode}]).hash
        for content in ("one", "two")
        for mode in ("0444", "0400")
    }
    assert len(hashes) == 4
