"""The checks of Kafka, ClickHouse, Elasticsearch and Redis, from what they say."""

import contextlib
import socket
import threading

import pytest

from cloudlab.model.checks import FAILED, NOTE, OK
from cloudlab.stores import registry
from cloudlab.stores.clickhouse import checks as clickhouse
from cloudlab.stores.elasticsearch import checks as elasticsearch
from cloudlab.stores.elasticsearch.objects import Index, State
from cloudlab.stores.kafka import checks as kafka
from cloudlab.stores.kafka.objects import Existing
from cloudlab.stores.redis import checks as redis


def failed(checks):
    return {check.subject: check for check in checks if check.state == FAILED}


# Kafka

TOPICS = registry.find("kafka").declare(
    {
        "topics": [
            {"name": "orders", "partitions": 3, "retention_hours": 1},
            {"name": "mails", "partitions": 1},
        ]
    }
)


def broker(**topics):
    orders = {"retention.ms": "3600000"}
    present = {"orders": Existing(3, orders, orders), "mails": Existing(1)}
    return {name: topic for name, topic in (present | topics).items() if topic}


def test_topics_in_order():
    found = kafka.checks(TOPICS, broker())
    assert [(check.subject, check.state) for check in found] == [
        ("answers", OK),
        ("topic orders", OK),
        ("topic mails", OK),
    ]


def test_a_topic_that_was_dropped():
    assert failed(kafka.checks(TOPICS, broker(orders=None)))["topic orders"].text == "absent"


def test_a_topic_with_other_partitions():
    fewer = failed(kafka.checks(TOPICS, broker(mails=Existing(2))))["topic mails"]
    assert fewer.text == "2 partitions, 1 are declared"
    assert "declare as many" in fewer.cure
    more = failed(kafka.checks(TOPICS, broker(orders=Existing(1, *[{"retention.ms": "3600000"}] * 2))))
    assert more["topic orders"].text == "1 partitions, 3 are declared"


def test_a_topic_with_other_settings():
    other = {"retention.ms": "1000"}
    found = failed(kafka.checks(TOPICS, broker(orders=Existing(3, other, other))))
    assert found["topic orders"].text == "retention.ms is 1000, declared is 3600000"


def test_topics_nobody_declares_are_a_note():
    found = kafka.checks(TOPICS, broker(stray=Existing(1)))
    assert [(check.state, check.text) for check in found if check.state != OK] == [(NOTE, "stray")]


# ClickHouse

WANT = registry.find("clickhouse").declare(
    {
        "database": "shop",
        "databases": ["logs"],
        "tables": [{"name": "views", "columns": [{"name": "day", "type": "Date"}], "engine": "Log"}],
    }
)
VIEWS = {"engine": "Log", "columns": {"day": "Date"}}


def clickhouse_state(databases=("shop", "logs"), **views):
    return {"databases": set(databases), "tables": {("shop", "views"): VIEWS | views}}


def test_tables_in_order():
    found = clickhouse.checks(WANT, clickhouse_state())
    assert [check.subject for check in found] == ["answers", "database shop", "database logs", "table shop.views"]
    assert not failed(found)


def test_a_database_and_a_table_that_are_missing():
    found = failed(clickhouse.checks(WANT, {"databases": {"shop"}, "tables": {}}))
    assert {subject: check.text for subject, check in found.items()} == {
        "database logs": "absent",
        "table shop.views": "absent",
    }


def test_a_table_that_differs():
    lacking = failed(clickhouse.checks(WANT, clickhouse_state(columns={})))["table shop.views"]
    assert lacking.text == "table shop.views, column day is absent"
    other = failed(clickhouse.checks(WANT, clickhouse_state(engine="Memory")))["table shop.views"]
    assert "the engine is Memory, declared is Log" in other.text
    assert "drop it" in other.cure


# Elasticsearch

DECLARED = registry.find("elasticsearch").declare(
    {"index_templates": [{"name": "plain", "index_patterns": ["*"]}], "indices": [{"name": "goods"}]}
)


def test_templates_and_indices_in_order():
    found = elasticsearch.checks(DECLARED, DECLARED, {"goods": Index("green", 3), "more": Index("yellow", 0)})
    assert [check.subject for check in found] == ["answers", "index template plain", "index goods"]
    assert not failed(found)


def test_a_template_and_an_index_that_are_missing():
    found = failed(elasticsearch.checks(DECLARED, State({}, {}), {}))
    assert {subject: check.text for subject, check in found.items()} == {
        "index template plain": "absent",
        "index goods": "absent",
    }


def test_a_template_that_was_changed():
    other = State({"plain": {"index_patterns": ["a*"]}}, DECLARED.indices)
    assert "differs" in failed(elasticsearch.checks(DECLARED, other, {}))["index template plain"].text


def test_an_index_that_cannot_be_read():
    found = failed(elasticsearch.checks(DECLARED, DECLARED, {"goods": Index("red", 0)}))
    assert found.keys() == {"health of index goods"}


# Redis


@contextlib.contextmanager
def redis_server(password):
    """A server that knows AUTH, PING and DBSIZE; without a password anybody may log in."""

    def serve(connection):
        allowed = not password
        with connection, connection.makefile("rwb") as stream:
            while header := stream.readline():
                words = []
                for _ in range(int(header[1:])):
                    length = int(stream.readline()[1:])
                    words.append(stream.read(length + 2)[:-2].decode())
                command = words[0].upper()
                if command == "AUTH":
                    allowed = words[-1] == password
                    answer = "+OK" if allowed else "-WRONGPASS invalid username-password pair"
                elif command in ("CLIENT", "HELLO"):
                    answer = "-ERR unknown command" if allowed else "-NOAUTH Authentication required."
                elif not allowed:
                    answer = "-NOAUTH Authentication required."
                else:
                    answer = {"PING": "+PONG", "DBSIZE": ":7"}[command]
                stream.write(f"{answer}\r\n".encode())
                stream.flush()

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_redis_in_order():
    with redis_server("secret") as port:
        found = redis.checks("127.0.0.1", port, "secret")
    assert [(check.subject, check.state, check.text) for check in found] == [
        ("answers", OK, "7 keys"),
        ("asks for a password", OK, ""),
    ]


def test_redis_with_another_password():
    with redis_server("secret") as port:
        found = redis.checks("127.0.0.1", port, "wrong")
    assert failed(found)["answers"].text.endswith("invalid username-password pair")


def test_redis_without_a_password():
    with redis_server("") as port:
        found = redis.checks("127.0.0.1", port, "")
    assert failed(found)["asks for a password"].text == "anybody may log in"


@pytest.mark.parametrize("password", ["", "secret"])
def test_redis_away(password):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        [check] = redis.checks("127.0.0.1", unused.getsockname()[1], password)
    assert check.state == FAILED
    assert "refused" in check.text
    assert "--tags redis" in check.cure
