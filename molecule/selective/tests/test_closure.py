"""A tag brings up its component and what that needs, and touches nothing else."""

import re


def test_only_kafka_and_what_it_needs_are_there(lab):
    assert lab.containers().keys() == {"kafka", "zookeeper"}
    assert lab.networks() == {"backend"}
    assert lab.volumes() == {"kafka-data", "zookeeper-data", "zookeeper-log"}


def test_another_tag_leaves_them_alone(lab):
    # Stopped by somebody: whoever asks for Redis does not get Kafka started.
    lab.client.stop(lab.container("kafka"), timeout=60)
    before = lab.identities()
    assert lab.converge("redis").changed > 0
    after = lab.identities()
    assert after.keys() == before.keys() | {"redis"}
    assert {name: after[name] for name in before} == before
    assert not lab.inspect("kafka")["State"]["Running"]


def test_its_own_tag_starts_it_again(lab):
    before = lab.identities()
    assert lab.converge("kafka").changed > 0
    lab.wait_until_healthy("kafka")
    after = lab.identities()
    assert after["kafka"] != before["kafka"]
    assert after["zookeeper"] == before["zookeeper"]
    assert after["redis"] == before["redis"]


def test_an_unknown_tag_is_an_error_that_lists_the_valid_ones(lab):
    run = lab.playbook("dev", "--tags", "kafak", status=None)
    assert run.status != 0
    assert "kafak" in run.output
    assert "Did you mean kafka?" in run.output
    listed = re.search(r"Valid: ([a-z0-9, -]+)\.", " ".join(run.output.split()))
    assert listed, run.output
    assert lab.values["catalogue"].keys() <= set(listed[1].split(", "))
