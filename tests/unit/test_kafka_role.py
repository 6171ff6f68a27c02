"""What the role kafka renders in each mode."""

import os
import subprocess

import pytest
import rolefiles

ENGINE = {
    "cpus": 2, "memory": 1, "logs": "", "api": "1.41", "socket": "", "socket_group": "", "rootless": False,
    "selinux": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Mode -> file name -> its text in the container."""
    folder = tmp_path_factory.mktemp("checkout")
    known = rolefiles.project(folder, ENGINE)
    found = {}
    for mode in ("zookeeper", "kraft"):
        [spec] = rolefiles.specifications("kafka", "__kafka_specs", known | {"kafka_mode": mode}, folder)
        found[mode] = {os.path.basename(file.target): file.octets.decode() for file in spec.files}
    return found


def properties(text):
    return dict(line.split("=", 1) for line in text.splitlines())


def test_kraft_replaces_what_concerns_zookeeper_and_nothing_else(rendered):
    zookeeper, kraft = (properties(rendered[mode]["server.properties"]) for mode in ("zookeeper", "kraft"))
    assert {key for key in zookeeper if key not in kraft} == {"zookeeper.connect", "zookeeper.session.timeout.ms"}
    assert not any("zookeeper" in line for line in rendered["kraft"]["server.properties"].splitlines())
    changed = {key for key in kraft if key in zookeeper and kraft[key] != zookeeper[key]}
    assert changed == {"listeners", "listener.security.protocol.map"}
    assert kraft["process.roles"] == "broker,controller"


def test_only_the_broker_itself_reaches_its_controller(rendered):
    kraft = properties(rendered["kraft"]["server.properties"])
    assert kraft["listeners"].split(",")[-1] == "CONTROLLER://127.0.0.1:29093"
    assert "CONTROLLER" not in kraft["advertised.listeners"]


@pytest.mark.parametrize(
    ("files", "formatted"),
    [
        ([], True),
        (["bootstrap.checkpoint"], True),
        (["bootstrap.checkpoint", "meta.properties.tmp"], True),
        (["bootstrap.checkpoint", "meta.properties"], False),
        (["bootstrap.checkpoint", "__cluster_metadata-0", "orders-0"], False),
        (["meta.properties"], False),
    ],
)
def test_only_an_empty_volume_is_formatted(rendered, tmp_path, files, formatted):
    """Also one whose formatting was interrupted, but none with data. Kafka's programs are replaced: each is a JVM."""
    data, programs = tmp_path / "data", tmp_path / "bin"
    data.mkdir()
    programs.mkdir()
    for name in files:
        (data / name).touch()
    for name in ("kafka-storage", "kafka-server-start"):
        (programs / name).write_text('#!/bin/sh\necho "${0##*/} $1"\n')
        (programs / name).chmod(0o755)
    script = rendered["kraft"]["start.sh"].replace("/var/lib/kafka/data", str(data))
    path = f"{programs}:{os.environ['PATH']}"
    said = subprocess.run(
        ["bash", "-c", script], env={"PATH": path}, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert said == ["kafka-storage format"] * formatted + ["kafka-server-start /etc/kafka/server.properties"]
