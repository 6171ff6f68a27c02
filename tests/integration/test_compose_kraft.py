"""The export with KAFKA_MODE=kraft, used by Docker Compose: Kafka without ZooKeeper."""

import composed
import lab as labs
import pytest
import stores

from cloudlab.images import references

INSTANCE = "test-compose-kraft"
OFFSET = 20860
# Nothing is pulled.
MIRROR = "registry.invalid/kraft"

pytestmark = pytest.mark.skipif(not stores.has_engine(), reason="no engine")


@pytest.fixture(scope="module")
def compose(tmp_path_factory):
    """Docker Compose in a clone whose Compose files were exported with this setting."""
    clone = composed.copy(tmp_path_factory.mktemp("clone"))
    made = composed.Compose(
        clone,
        {
            "CLOUDLAB_INSTANCE": INSTANCE,
            "KAFKA_MODE": "kraft",
            "KAFKA_PORT": str(9092 + OFFSET),
            "REGISTRY_MIRROR": MIRROR,
        },
    )
    exporting = labs.Lab(made.environ() | {"CLOUDLAB_ENV_FILE": "", "KAFKA_MODE": "kraft"})
    exporting.playbook("export", "-e", f"export_folder={clone}")
    yield made
    made.run("down", "--volumes")


@pytest.fixture(scope="module")
def up(compose):
    """The instance with Kafka and its topics."""
    found = compose.lab()
    name = references.registry_reference(found.values["images"]["kafka"], MIRROR)
    found.client.tag(stores.image_of("kafka"), *name.rsplit(":", 1))
    try:
        compose.run("up", "--detach", "--wait", "kafka")
        compose.run("up", "--exit-code-from", "kafka-init", "kafka-init")
        yield found
    finally:
        compose.run("down", "--volumes")
        found.client.remove_image(name, noprune=True)


def test_the_files_are_valid_and_without_zookeeper(compose):
    compose.set(COMPOSE_PROFILES="*")
    services = set(compose.run("config", "--services").split())
    assert {"kafka", "kafka-init", "kafka-ui", "order"} <= services
    assert "zookeeper" not in services
    volumes = compose.run("config", "--volumes").split()
    assert [name for name in volumes if name.startswith(("kafka", "zookeeper"))] == ["kafka-kraft"]
    compose.set(COMPOSE_PROFILES="")


def test_kafka_gets_its_topics_and_keeps_them(compose, up):
    assert up.present() == {"kafka", "kafka-init"}
    expected = {topic["name"] for entry in up.values["catalogue"].values() for topic in entry.get("topics", [])}
    assert expected
    assert expected <= topics(up)
    compose.run("up", "--detach", "--wait", "--force-recreate", "kafka")
    assert expected <= topics(up)


def topics(lab):
    """The topics of the broker."""
    return set(lab.execute("kafka", "kafka-topics", "--bootstrap-server", "kafka:29092", "--list").split())
