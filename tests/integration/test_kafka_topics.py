"""Kafka as its role runs it: topics, both listeners, a killed broker, KRaft, and a ZooKeeper without its data."""

import json
import os

import lab as labs
import pytest
import stores
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from probes import PROBES

INSTANCE = "test-kafka-topics"
OFFSET = 20720
HOUR_MS = 3_600_000
SECONDS = 30
RESET = ("-e", "level=everything", "-e", "confirm=yes")
KRAFT = {"KAFKA_MODE": "kraft"}
MESSAGES = [f"message {number}" for number in range(500)]

ORDER = {"name": "order.events", "partitions": 2, "retention_hours": 24}
CART = {"name": "cart.state", "config": {"cleanup.policy": "compact"}}
DECLARED = (ORDER, CART)

# The broker's own process, killed from inside: a container that the engine is told to kill stays down.
KILL_JAVA = """
for process in /proc/[0-9]*; do
  if [[ $(<"$process/comm") == java ]]; then kill -9 "${process#/proc/}"; fi
done
"""
# One message there and both messages back, as a client in a container of its own does it.
TALK = """
set -eu
echo 'from a container' | kafka-console-producer --bootstrap-server kafka:29092 --topic cart.events
kafka-console-consumer --bootstrap-server kafka:29092 --topic cart.events --from-beginning --max-messages 2
"""

pytestmark = pytest.mark.skipif(not stores.has_engine(), reason="no engine")


@pytest.fixture(scope="module")
def lab():
    """The instance with Kafka, and the declared topics made by the playbook."""
    settings = {"CLOUDLAB_ENV_FILE": "", "CLOUDLAB_INSTANCE": INSTANCE, "PORT_OFFSET": str(OFFSET)}
    found = labs.Lab(dict(os.environ) | settings)
    found.remove_everything()
    try:
        playbook(found)
        yield found
    finally:
        found.playbook("reset", *RESET)


def playbook(lab, *topics, status=0, **settings):
    topics = json.dumps({"kafka_topics": topics or DECLARED})
    return lab.playbook("dev", "--tags", "kafka", "-e", topics, status=status, **settings)


def converge(lab, *topics, check=False, **arguments):
    arguments = {
        "bootstrap": address(lab),
        "container": lab.container("kafka"),
        "topics": list(topics or DECLARED),
    } | arguments
    return stores.run_action("kafka_topics", arguments, check=check)


def address(lab):
    return f"127.0.0.1:{lab.port('kafka', 'broker')}"


def admin(lab):
    return AdminClient({"bootstrap.servers": address(lab)})


def partitions(lab):
    """Number of partitions by topic, without Kafka's own topics."""
    topics = admin(lab).list_topics(timeout=SECONDS).topics
    return {name: len(topic.partitions) for name, topic in topics.items() if not name.startswith("__")}


def setting(lab, topic, key):
    client = admin(lab)  # an answer comes only as long as the client lives
    [described] = client.describe_configs([ConfigResource(ResourceType.TOPIC, topic)], request_timeout=SECONDS).values()
    return described.result(SECONDS)[key].value


def consume(lab, topic, count):
    return sorted(PROBES["kafka"].consume(lab, topic, count))


def test_topics_are_made_from_the_list(lab):
    assert partitions(lab) == {"order.events": 2, "cart.state": 1}
    assert setting(lab, "order.events", "retention.ms") == str(24 * HOUR_MS)
    assert setting(lab, "cart.state", "cleanup.policy") == "compact"


def test_the_second_run_changes_nothing(lab):
    assert playbook(lab).changed == 0
    again = converge(lab)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"] == ""


def test_check_mode_says_what_would_be_and_changes_nothing(lab):
    before = partitions(lab)
    grown = ORDER | {"partitions": 5, "retention_hours": 1}
    would = converge(lab, grown, CART, {"name": "new"}, check=True)
    assert would["changed"]
    assert (would["created"], would["grown"]) == (["new"], {"order.events": 5})
    assert would["altered"] == {"order.events": {"retention.ms": str(HOUR_MS)}}
    assert partitions(lab) == before
    assert setting(lab, "order.events", "retention.ms") == str(24 * HOUR_MS)


def test_retention_is_altered_and_goes_back_to_the_brokers(lab):
    altered = converge(lab, ORDER | {"retention_hours": 48}, CART)
    assert altered["altered"] == {"order.events": {"retention.ms": str(48 * HOUR_MS)}}
    assert setting(lab, "order.events", "retention.ms") == str(48 * HOUR_MS)

    undeclared = {"name": "order.events", "partitions": 2}
    assert converge(lab, undeclared, CART)["altered"] == {"order.events": {"retention.ms": None}}
    assert setting(lab, "order.events", "retention.ms") == str(72 * HOUR_MS)
    assert not converge(lab, undeclared, CART)["changed"]

    assert converge(lab)["changed"]


def test_partitions_are_added_and_never_taken_away(lab):
    PROBES["kafka"].produce(lab, "order.events", *MESSAGES)
    more = converge(lab, ORDER | {"partitions": 4}, CART)
    assert more["grown"] == {"order.events": 4}
    assert partitions(lab)["order.events"] == 4

    fewer = converge(lab)
    assert not fewer["changed"]
    [warning] = fewer["warnings"]
    assert warning.startswith("topic order.events has 4 partitions, 2 are declared")
    assert "Declare 4" in warning
    assert partitions(lab)["order.events"] == 4
    assert consume(lab, "order.events", len(MESSAGES)) == sorted(MESSAGES)


def test_a_topic_that_nobody_declares_is_reported_and_kept(lab):
    client = admin(lab)
    client.create_topics([NewTopic("attic", 1, 1)], operation_timeout=SECONDS)["attic"].result(SECONDS)
    PROBES["kafka"].produce(lab, "attic", "old")
    report = converge(lab, CART)
    assert not report["changed"]
    assert report["undeclared"] == ["attic", "order.events"]
    assert consume(lab, "attic", 1) == ["old"]


def test_a_misspelt_topic_is_not_made(lab):
    producer = Producer({"bootstrap.servers": address(lab)})
    mentioned = producer.list_topics("oder.events", timeout=SECONDS).topics["oder.events"]
    assert mentioned.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
    assert "oder.events" not in partitions(lab)


def test_a_wrong_declaration_is_refused_whole(lab):
    before = partitions(lab)
    wrong = converge(lab, {"name": "good"}, {"name": "bad name"}, ORDER, ORDER | {"partitions": 9})
    assert "topic 'bad name': a name has 1 to 249 letters" in wrong["msg"]
    assert "topic order.events is declared twice and differently: 2 partitions" in wrong["msg"]
    for check in (True, False):
        refused = converge(lab, {"name": "good"}, {"name": "bad", "config": {"cleanup.policy": "never"}}, check=check)
        assert "topic bad: cannot create it" in refused["msg"]
        assert "cleanup.policy" in refused["msg"]
    assert partitions(lab) == before


def test_this_machine_and_a_container_read_what_the_other_wrote(lab):
    assert converge(lab, *DECLARED, {"name": "cart.events"})["created"] == ["cart.events"]
    PROBES["kafka"].produce(lab, "cart.events", "from this machine")
    assert talk_from_container(lab) == ["from a container", "from this machine"]
    assert consume(lab, "cart.events", 2) == ["from a container", "from this machine"]


def talk_from_container(lab):
    """Lines that a container on the stores' network receives; it is none of the instance's components."""
    kafka = lab.inspect("kafka")
    network = f"{INSTANCE}-backend"
    container = lab.client.create_container(
        kafka["Image"],
        entrypoint=["bash", "-c"],
        command=[TALK],
        environment={"KAFKA_HEAP_OPTS": "-Xmx128m", "LOG_DIR": "/tmp"},
        user="1000:1000",
        host_config=lab.client.create_host_config(network_mode=network),
        labels={"cloudlab.test": "kafka-topics"},
    )["Id"]
    try:
        lab.client.start(container)
        status = lab.client.wait(container, timeout=120)["StatusCode"]
        said = lab.client.logs(container, stderr=False).decode()
        assert status == 0, lab.client.logs(container).decode()
        return sorted(line.lstrip(">") for line in said.splitlines() if "from" in line)
    finally:
        lab.client.remove_container(container, force=True, v=True)


def test_a_broker_that_is_killed_comes_back_with_every_message(lab):
    PROBES["kafka"].produce(lab, "order.events", "last words")
    before = kill(lab)
    after = converge(lab, *DECLARED, {"name": "cart.events"})  # waits for the broker by itself
    assert not after.get("failed"), after
    assert not after["changed"]
    lab.wait_until_healthy("kafka")
    # It waits for ZooKeeper to forget the one that was killed, instead of being refused until then.
    assert lab.inspect("kafka")["RestartCount"] == before["RestartCount"] + 1
    assert consume(lab, "order.events", len(MESSAGES) + 1) == sorted([*MESSAGES, "last words"])
    assert partitions(lab) == {"order.events": 4, "cart.state": 1, "cart.events": 1, "attic": 1}
    PROBES["kafka"].produce(lab, "cart.events", "and on")


def kill(lab):
    """Kill the broker as a crash does, wait until the engine restarts it, and return its inspection before."""
    before = lab.inspect("kafka")
    lab.client.exec_start(lab.client.exec_create(before["Id"], ["bash", "-c", KILL_JAVA])["Id"])
    labs.wait_until(lambda: lab.inspect("kafka")["RestartCount"] > before["RestartCount"], "the broker died", SECONDS)
    return before


def test_a_stopped_broker_is_named_at_once_with_its_log(lab):
    lab.client.stop(lab.container("kafka"))
    message = converge(lab)["msg"]
    assert f"container {lab.container('kafka')} is not running: it " in message
    assert "its last log lines:" in message
    would = converge(lab, check=True)
    assert would["created"] == ["cart.state", "order.events"]
    assert "does not answer" in would["msg"]
    lab.client.start(lab.container("kafka"))


def test_zookeeper_stays_while_its_broker_cannot_be_replaced(lab):
    """The image with the new mode is unavailable: neither a registry nor packages provide it."""
    images = {**lab.values["images"], "kafka": {"repository": "registry.invalid/kafka", "tag": "none"}}
    extra = json.dumps({"kafka_topics": DECLARED, "images": images})
    # An earlier test has started it again.
    lab.wait_until_healthy("kafka")
    labs.wait_until(lambda: "order.events" in partitions(lab), "the broker knows its topics", SECONDS)
    before, topics = lab.identities(), partitions(lab)
    said = " ".join(lab.playbook("dev", "--tags", "kafka", "-e", extra, status=2, **KRAFT).output.split())
    assert "kafka needs zookeeper, which is not part of this environment with KAFKA_MODE=kraft" in said
    assert "Nothing was changed. Provide the image, or set KAFKA_MODE=zookeeper in .env." in said
    assert lab.identities() == before
    assert partitions(lab) == topics


def test_kraft_replaces_zookeeper_and_keeps_its_data(lab):
    volumes = lab.volumes()
    said = " ".join(playbook(lab, **KRAFT).output.split())
    assert f"kafka: the data in the volume {INSTANCE}-kafka-data is kept, but not used" in said
    assert "set KAFKA_MODE=zookeeper" in said
    assert lab.containers().keys() == {"kafka"}
    assert lab.volumes() == volumes | {"kafka-kraft"}
    assert partitions(lab) == {"order.events": 2, "cart.state": 1}
    assert setting(lab, "order.events", "retention.ms") == str(24 * HOUR_MS)
    assert list(lab.inspect("kafka")["HostConfig"]["PortBindings"]) == ["9092/tcp"]

    before = lab.identities()
    again = playbook(lab, **KRAFT)
    assert again.changed == 0
    assert "is kept, but not used" not in again.output
    assert lab.identities() == before


def test_a_killed_broker_with_kraft_comes_back_with_every_message(lab):
    PROBES["kafka"].produce(lab, "order.events", *MESSAGES)
    before = kill(lab)
    assert playbook(lab, **KRAFT).changed == 0
    lab.wait_until_healthy("kafka")
    assert lab.inspect("kafka")["RestartCount"] == before["RestartCount"] + 1
    assert consume(lab, "order.events", len(MESSAGES)) == sorted(MESSAGES)
    assert partitions(lab) == {"order.events": 2, "cart.state": 1}


def test_zookeeper_cannot_be_selected_with_kraft(lab):
    said = " ".join(lab.playbook("dev", "--tags", "zookeeper", status=2, **KRAFT).output.split())
    assert "zookeeper is not part of this environment with KAFKA_MODE=kraft. Remove it from --tags, or set" in said
    refused = " ".join(lab.playbook("dev", "-e", "kafka_mode=zookeeper", status=2, **KRAFT).output.split())
    assert "KAFKA_MODE and the catalogue cannot be set with -e" in refused


def test_back_to_zookeeper_with_the_data_from_before(lab):
    playbook(lab)
    assert lab.containers().keys() == {"kafka", "zookeeper"}
    assert partitions(lab) == {"order.events": 4, "cart.state": 1, "cart.events": 1, "attic": 1}
    assert consume(lab, "order.events", len(MESSAGES) + 1) == sorted([*MESSAGES, "last words"])


def test_data_of_another_zookeeper_is_explained_with_the_reset_that_removes_both(lab):
    for component in ("kafka", "zookeeper"):
        lab.client.remove_container(lab.container(component), force=True)
    for volume in ("data", "log"):
        lab.client.remove_volume(f"{INSTANCE}-zookeeper-{volume}")

    said = " ".join(playbook(lab, status=2).output.split())
    assert "Kafka's data belongs to another ZooKeeper" in said
    reset = "playbooks/reset.yml -e level=data -e components=zookeeper"
    assert reset in said
    assert "kafka-data" in lab.volumes()

    lab.playbook("reset", *reset.split()[1:], "-e", "confirm=yes")
    assert lab.volumes() == {"kafka-kraft"}  # from here on it is a first run; the data with KRaft is not touched
