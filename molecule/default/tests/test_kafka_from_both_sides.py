"""Kafka answers this machine and containers alike, each with an address that it can reach."""

import uuid

import pytest
from probes import PROBES

# Where the listener for containers is.
INSIDE = "kafka:29092"


@pytest.fixture
def topic(lab):
    """A new topic."""
    name = f"probe-{uuid.uuid4().hex[:8]}"
    PROBES["kafka"].create(lab, name)
    return name


def test_a_message_from_this_machine_is_read_in_a_container(lab, topic):
    PROBES["kafka"].produce(lab, topic, "from this machine")
    command = f"kafka-console-consumer --bootstrap-server {INSIDE} --topic {topic} --from-beginning --max-messages 1"
    assert "from this machine" in lab.execute("kafka", "sh", "-c", f"{command} --timeout-ms 60000")


def test_a_message_from_a_container_is_read_on_this_machine(lab, topic):
    command = f"kafka-console-producer --bootstrap-server {INSIDE} --topic {topic}"
    lab.execute("kafka", "sh", "-c", f"echo 'from a container' | {command}")
    assert PROBES["kafka"].consume(lab, topic, 1) == ["from a container"]
