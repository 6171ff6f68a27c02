"""Declared topics against the broker's: planned, shown and refused changes."""

import subprocess
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from cloudlab.stores.base import ObjectsError
from cloudlab.stores.kafka import objects, oneshot, server
from cloudlab.stores.kafka.objects import Existing, Topic
from cloudlab.stores.readiness import NotYetError


def entry(name="orders", partitions=1, **more):
    return {"name": name, "partitions": partitions, **more}


def declare(topics):
    return objects.declare({"topics": topics})


def existing(partitions=1, config=None, **defaults):
    config = config or {}
    return Existing(partitions, config, {"retention.ms": "604800000", "cleanup.policy": "delete", **defaults, **config})


def test_declarations_become_the_brokers_spelling():
    declared = declare([entry(retention_hours=24, config={"preallocate": True, "segment.bytes": 1048576})])
    assert declared["orders"].config == {"retention.ms": "86400000", "preallocate": "true", "segment.bytes": "1048576"}


def test_retention_for_ever():
    assert declare([entry(retention_hours=-1)])["orders"].config == {"retention.ms": "-1"}


def test_two_components_may_declare_the_same_topic():
    assert len(declare([entry(retention_hours=24), entry(retention_hours=24)])) == 1


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry(), entry(partitions=2)], "orders is declared twice and differently: 1 partitions, and 2 partitions"),
        ([entry("new orders")], "'new orders': a name has"),
        ([entry("..")], "a name has"),
        ([entry(partitions=0)], "partitions must be at least 1, not 0"),
        ([entry(retention_hours=0)], "retention_hours must be at least 1"),
        ([entry(retention_hours=1, config={"retention.ms": 1})], "keep one"),
    ],
)
def test_wrong_declarations(entries, message):
    with pytest.raises(ObjectsError, match=message):
        declare(entries)


def test_every_problem_is_reported_at_once():
    with pytest.raises(ObjectsError) as caught:
        declare([entry("a b"), entry("c", partitions=0), entry("d")])
    assert len(caught.value.problems) == 2


def test_nothing_to_do():
    steps = objects.plan({"orders": Topic(3, {"retention.ms": "604800000"})}, {"orders": existing(3)})
    assert not steps.changed
    assert steps.warnings == []
    assert objects.difference(steps, {}) == ({}, {})


def test_a_missing_topic_is_created():
    steps = objects.plan({"orders": Topic(3, {"retention.ms": "1"})}, {})
    assert list(steps.create) == ["orders"]
    assert objects.difference(steps, {}) == ({}, {"orders": {"partitions": 3, "retention.ms": "1"}})


def test_partitions_and_configuration_are_brought_up_to_the_declaration():
    broker = {"orders": existing(1)}
    steps = objects.plan({"orders": Topic(4, {"retention.ms": "1", "cleanup.policy": "delete"})}, broker)
    assert steps.grow == {"orders": 4}
    assert steps.alter == {"orders": {"retention.ms": "1"}}
    assert objects.difference(steps, broker) == (
        {"orders": {"partitions": 1, "retention.ms": "604800000"}},
        {"orders": {"partitions": 4, "retention.ms": "1"}},
    )


def test_an_override_nobody_declares_goes_back_to_the_default():
    broker = {"orders": existing(config={"cleanup.policy": "compact"})}
    steps = objects.plan({"orders": Topic(1)}, broker)
    assert steps.alter == {"orders": {"cleanup.policy": None}}
    assert objects.difference(steps, broker)[1] == {"orders": {"cleanup.policy": "(the broker's default)"}}


def test_fewer_partitions_are_a_warning_and_no_step():
    steps = objects.plan({"orders": Topic(2)}, {"orders": existing(6)})
    assert not steps.changed
    assert steps.fewer == {"orders": (2, 6)}
    assert "has 6 partitions, 2 are declared" in steps.warnings[0]


def test_topics_nobody_declares_are_named_and_left_alone():
    steps = objects.plan({}, {"old": existing(), "__consumer_offsets": existing(8)})
    assert steps.undeclared == ("old",)
    assert not steps.changed


class Admin:
    """A client of a broker that lists no topic, and answers every trial with `code`; None is "it could be made"."""

    def __init__(self, code):
        self.code = code

    def list_topics(self, timeout):
        return SimpleNamespace(brokers={1: "broker"}, controller_id=1, topics={})

    def create_topics(self, topics, *, validate_only, **_):
        assert validate_only
        future = Future()
        if self.code is None:
            future.set_result(None)
        else:
            future.set_exception(KafkaException(KafkaError(self.code, "said so")))
        return {topic.topic: future for topic in topics}


def ask(monkeypatch, code):
    monkeypatch.setattr(server, "AdminClient", lambda _: Admin(code))
    return server.Server("127.0.0.1:1").partitions({"orders": Topic(1)})


def test_what_the_broker_lacks_is_missing(monkeypatch):
    assert ask(monkeypatch, None) == {}


@pytest.mark.parametrize("code", [KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.NOT_CONTROLLER, KafkaError._TRANSPORT])
def test_a_broker_that_has_not_heard_of_its_topics_is_not_ready(monkeypatch, code):
    with pytest.raises(NotYetError):
        ask(monkeypatch, code)


def test_a_topic_that_the_broker_would_refuse_is_named_before_anything_is_changed(monkeypatch):
    with pytest.raises(ObjectsError, match="topic orders: cannot create it: said so"):
        ask(monkeypatch, KafkaError.INVALID_CONFIG)


def test_the_script_for_an_empty_broker():
    declared = declare([entry(retention_hours=24), entry("mail.sent", 3, config={"cleanup.policy": "a,b c"})])
    script = oneshot.script(declared, "kafka:29092")
    assert "kafka-topics --bootstrap-server kafka:29092" in script
    assert script.splitlines()[-2:] == [
        "make orders --partitions 1 --config retention.ms=86400000",
        "make mail.sent --partitions 3 --config 'cleanup.policy=a,b c'",
    ]


def test_the_script_makes_what_is_missing_and_nothing_else(tmp_path):
    tool = tmp_path / "kafka-topics"
    tool.write_text(f"""#!/bin/sh
case "$*" in *--list*) printf 'orders\\nother\\n' ;; *) echo "$*" >>{tmp_path}/made ;; esac
""")
    tool.chmod(0o755)
    script = "set -eu\n" + oneshot.script(declare([entry(), entry("new", 2)]), "b:1")
    subprocess.run(["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    made = (tmp_path / "made").read_text()
    assert made == "--bootstrap-server b:1 --create --if-not-exists --topic new --partitions 2\n"
