"""The validation reports each injected fault in a line of its own, and a converge repairs all of them."""

import json
import socket

import psycopg
import pytest
import requests
from confluent_kafka.admin import AdminClient
from lab import pause
from recreate import recreate

TOPIC = "order.events"
TEMPLATE = "single-node"
FOREIGN = "molecule-validate-foreign"
ALTERED = "molecule-validate-altered"
ERROR = json.dumps({"level": "error", "msg": "made by a test"})
MEGABYTE = 1024**2


def stopped(lab):
    lab.client.stop(lab.container("analytics"))


def paused(lab):
    pause(lab.client, lab.container("inventory"))


def cut_off(lab):
    lab.client.disconnect_container_from_network(lab.container("product"), f"{lab.instance}-backend")


def let_into_the_database_network(lab):
    lab.client.connect_container_to_network(lab.container("gateway"), f"{lab.instance}-database")


def with_more_memory(lab):
    lab.client.update_container(lab.container("auth"), mem_limit=512 * MEGABYTE, memswap_limit=512 * MEGABYTE)


def of_another_image(lab):
    other = lab.client.commit(lab.container("redis"), repository=ALTERED)["Id"]
    recreate(lab, "redis", lambda config: config.update(Image=other))


def away_behind_the_gateway(lab):
    lab.client.stop(lab.container("search"))


def without_a_topic(lab):
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{lab.port('kafka', 'broker')}"})
    admin.delete_topics([TOPIC])[TOPIC].result()


def without_a_login(lab):
    user, password, database = (lab.values[f"postgres_{key}"] for key in ("user", "password", "db"))
    address = {"host": "127.0.0.1", "port": lab.port("postgres", "sql"), "autocommit": True}
    with psycopg.connect(user=user, password=password, dbname=database, **address) as connection:
        connection.execute("alter role content nologin")


def without_a_table(lab):
    user, password, database = (lab.values[f"clickhouse_{key}"] for key in ("user", "password", "db"))
    url = f"http://127.0.0.1:{lab.port('clickhouse', 'http')}/"
    answer = requests.post(url, f"drop table {database}.events", auth=(user, password), timeout=10)
    answer.raise_for_status()


def without_an_index_template(lab):
    url = f"http://127.0.0.1:{lab.port('elasticsearch', 'http')}/_index_template/{TEMPLATE}"
    requests.delete(url, timeout=10).raise_for_status()


def with_an_error_in_its_log(lab):
    lab.execute("auth", "bash", "-c", f"echo '{ERROR}' >/proc/1/fd/1")


def shared_with_a_foreign_container(lab):
    network = f"{lab.instance}-database"
    lab.client.create_container(
        lab.inspect("postgres")["Image"],
        entrypoint=["sleep", "infinity"],
        name=FOREIGN,
        host_config=lab.client.create_host_config(network_mode=network, init=True),
    )
    lab.client.start(FOREIGN)


# What is done -> the lines that tell it, and a part of what they say.
FAULTS = {
    stopped: {"containers, analytics": "exited"},
    paused: {"containers, inventory": "paused"},
    cut_off: {
        "containers, product as declared": "-backend is not connected",
        "networks, names, seen from gateway (backend, frontend, monitoring)": "product ",
    },
    let_into_the_database_network: {
        "containers, gateway as declared": "-database is not in the specification",
        "networks, reach of gateway (backend, frontend, monitoring)": "reaches postgres, which is on none",
    },
    with_more_memory: {"containers, auth as declared": "memory: "},
    of_another_image: {"containers, redis as declared": "image: "},
    away_behind_the_gateway: {"gateway, route search:GET,HEAD /api/v1/search": "the gateway does not reach search"},
    without_a_topic: {f"kafka, topic {TOPIC}": "absent"},
    without_a_login: {"postgres, role content": "not permitted to log in"},
    without_a_table: {"clickhouse, table events": "absent"},
    without_an_index_template: {f"elasticsearch, index template {TEMPLATE}": "absent"},
    with_an_error_in_its_log: {"logs, auth": "made by a test"},
    shared_with_a_foreign_container: {"networks, database": FOREIGN},
}
# What nobody touched.
INTACT = {"containers, postgres", "containers, kafka", "postgres, answers", "redis, answers", "kafka, answers"}


@pytest.fixture(scope="module")
def found(lab, validation):
    """What fails when all of it is done at once."""
    try:
        for fault in FAULTS:
            fault(lab)
        # Of a container that was stopped.
        with socket.create_server(("127.0.0.1", lab.port("search", "http"))):
            failures = validation.failures()
        yield failures
    finally:
        remove(lab, FOREIGN)
        if lab.client.images(ALTERED):
            lab.client.remove_image(ALTERED, force=True)


def remove(lab, name):
    """Remove a container, if there is one of that name."""
    for item in lab.client.containers(all=True, filters={"name": f"^/{name}$"}):
        lab.client.remove_container(item["Id"], force=True)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_has_its_own_lines(found, fault):
    for line, told in FAULTS[fault].items():
        assert told in found[line]["text"]
        assert found[line]["cure"]


def test_a_port_that_somebody_else_has_is_told(lab, found):
    assert "in use by " in found[f"ports, 127.0.0.1:{lab.port('search', 'http')}, search http"]["text"]


def test_intact_checks_pass(found):
    assert not INTACT & found.keys()


def test_a_converge_repairs_them_all(lab, validation, found):
    # What is somebody else's no converge removes.
    remove(lab, FOREIGN)
    assert lab.converge("gateway", "order", "search", "analytics").changed > 0
    # What was logged stays; what was logged from now on is of interest.
    assert validation.failures("--since", "0s") == {}
    assert "made by a test" in validation.failures()["logs, auth"]["text"]


def test_a_container_of_somebody_else_in_our_name_ends_nothing(lab, validation):
    name, image = lab.container("redis"), lab.inspect("redis")["Image"]
    lab.client.remove_container(name, force=True)
    lab.client.create_container(image, ["sleep", "60"], name=name)
    try:
        failures = validation.failures("--since", "0s")
    finally:
        lab.client.remove_container(name, force=True)
    assert "is not managed by Cloudlab" in failures["containers, redis as declared"]["text"]
    assert "redis, answers" in failures
    lab.converge("redis")


def test_what_was_never_converged_is_told_in_the_same_way(lab, validation):
    """Everything is absent, and nothing is made of it."""
    lab.playbook("reset", "-e", "level=everything", "-e", "confirm=yes")
    failures = validation.failures()
    assert failures["containers, order"]["text"] == "it does not exist"
    assert "postgres, answers" in failures
    assert not lab.directory.exists()
    assert lab.present() == lab.networks() == lab.volumes() == set()
