"""Checks of Kafka: the declared topics with their partitions and settings, and a message that is sent and read."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from cloudlab.model.checks import NOTE, OK, Check, converge, verdict
from cloudlab.stores import readiness
from cloudlab.stores.kafka.objects import Existing, Plan, Topic, declare, plan
from cloudlab.stores.kafka.server import Server
from cloudlab.stores.lazy_client import LazyClient

STORE = "kafka"
SECONDS = 5  # to send a message, and to read it
RETENTION = {"retention.ms": "60000"}

Settings = dict[str, str | int | float | bool]


def check(arguments: Mapping[str, Any], docker: LazyClient) -> tuple[list[Check], dict[str, Any]]:
    """The checks of the broker; there are no other findings."""
    declared = declare(arguments)
    broker = Server(arguments["bootstrap"])
    partitions = readiness.wait_until(docker, arguments["container"], lambda: broker.partitions(declared))
    found = checks(declared, broker.topics(partitions, declared))
    return [*found, round_trip(arguments["bootstrap"])], {}


def checks(declared: Mapping[str, Topic], existing: Mapping[str, Existing]) -> list[Check]:
    """A check per declared topic."""
    steps = plan(declared, existing)
    found = [Check(STORE, "answers", OK)]
    for name, topic in declared.items():
        fault = "; ".join(_faults(name, steps, existing))
        cure = converge(STORE)
        if name in steps.fewer:
            cure = "Kafka cannot take partitions away: declare as many, or delete the topic with its messages"
        text = ", ".join([f"{topic.partitions} partitions", *(f"{key}={value}" for key, value in topic.config.items())])
        found.append(verdict(STORE, f"topic {name}", fault, cure, text))
    if steps.undeclared:
        found.append(Check(STORE, "undeclared topics", NOTE, ", ".join(steps.undeclared)))
    return found


def _faults(name: str, steps: Plan, existing: Mapping[str, Existing]) -> Iterable[str]:
    if name in steps.create:
        yield "absent"
    if name in steps.grow:
        yield f"{existing[name].partitions} partitions, {steps.grow[name]} are declared"
    if name in steps.fewer:
        declared, has = steps.fewer[name]
        yield f"{has} partitions, {declared} are declared"
    for key, value in steps.alter.get(name, {}).items():
        target = "the broker's default" if value is None else value
        yield f"{key} is {existing[name].effective.get(key)}, declared is {target}"


def round_trip(bootstrap: str) -> Check:
    """Send a message through the published port and read it there.

    Its topic is made for it and removed at once, and its reader belongs to no group: who reads topics by their names
    does not meet it, and nothing of it stays behind.
    """
    settings: Settings = {"bootstrap.servers": bootstrap, "client.id": "cloudlab-validation", "log_level": 0}
    topic = f"cloudlab.validation.{uuid.uuid4().hex}"
    limits = {"operation_timeout": SECONDS, "request_timeout": SECONDS}
    admin = AdminClient(settings)
    try:
        admin.create_topics([NewTopic(topic, 1, 1, config=RETENTION)], **limits)[topic].result()
        try:
            fault = _send(settings, topic) or _receive(settings, topic)
        finally:
            admin.delete_topics([topic], **limits)[topic].result()
    except KafkaException as error:
        fault = error.args[0].str()
    cure = f"docker logs of Kafka say why; {converge(STORE)}"
    return verdict(STORE, "a message there and back", fault, cure, "through the published port")


def _send(settings: Settings, topic: str) -> str:
    """Why a message, the topic's name, could not be sent; empty when it was."""
    outcome: list[KafkaError | None] = []
    producer = Producer(settings | {"message.timeout.ms": SECONDS * 1000})
    producer.produce(topic, topic, partition=0, on_delivery=lambda error, _: outcome.append(error))
    producer.flush()
    [error] = outcome
    return f"the broker does not take it: {error.str()}" if error else ""


def _receive(settings: Settings, topic: str) -> str:
    """Why the message could not be read; empty when it was."""
    consumer = Consumer(settings | {"group.id": topic, "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        message = consumer.poll(SECONDS)
    finally:
        consumer.close()
    if message is None:
        return f"it was sent, and cannot be read within {SECONDS} s"
    if error := message.error():
        return f"it was sent, and cannot be read: {error.str()}"
    return "" if message.value() == topic.encode() else "another message than the one that was sent came back"
