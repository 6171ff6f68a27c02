"""Clients of the stores on their published ports: write something, read it back.

Each probe has `write(lab)`, which may be repeated, and `read(lab)`, which returns what a client finds: `expected`.
"""

import json
import time
import uuid
from typing import Any

import psycopg
import redis
import requests
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from lab import Lab

SECONDS = 30


def http(method: str, url: str, body: str = "", **headers: str) -> str:
    """The text of the response; a status of 4xx or 5xx is an error with that text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = requests.request(method, url, data=body.encode() or None, headers=named, timeout=SECONDS)
    assert answer.ok, f"{method} {url}: {answer.status_code} {answer.text}"
    return answer.text


class Postgres:
    """A row in a table of the platform's database."""

    expected = (("mechanical keyboard", 89),)

    def connect(self, lab: Lab) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=lab.port("postgres", "sql"),
            user=lab.values["postgres_user"],
            password=lab.values["postgres_password"],
            dbname=lab.values["postgres_db"],
            connect_timeout=SECONDS,
        )

    def write(self, lab: Lab) -> None:
        with self.connect(lab) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS probe (name text PRIMARY KEY, price int NOT NULL)")
            connection.execute("INSERT INTO probe VALUES (%s, %s) ON CONFLICT DO NOTHING", self.expected[0])

    def read(self, lab: Lab) -> Any:
        with self.connect(lab) as connection:
            return tuple(connection.execute("SELECT name, price FROM probe"))


class Redis:
    """A key."""

    expected = "89"

    def connect(self, lab: Lab) -> redis.Redis:
        return redis.Redis(
            port=lab.port("redis", "redis"),
            password=lab.values["redis_password"],
            socket_timeout=SECONDS,
            decode_responses=True,
        )

    def write(self, lab: Lab) -> None:
        with self.connect(lab) as client:
            client.set("probe:mechanical keyboard", 89)
            # An acknowledged write may reach the disk a second later.
            assert client.waitaof(1, 0, SECONDS * 1000)[0] == 1

    def read(self, lab: Lab) -> Any:
        with self.connect(lab) as client:
            return client.get("probe:mechanical keyboard")


class Clickhouse:
    """An aggregate over a table, over HTTP."""

    rows = (("2026-11-01", "keyboard", 89), ("2026-11-02", "keyboard", 91), ("2026-11-02", "mouse", 20))
    expected = "keyboard\t180\t2\nmouse\t20\t1\n"

    def query(self, lab: Lab, sql: str, data: str = "") -> str:
        settings = lab.values
        database = settings["clickhouse_db"]
        return http(
            "POST",
            f"http://127.0.0.1:{lab.port('clickhouse', 'http')}/?database={database}",
            f"{sql}\n{data}" if data else sql,
            X_ClickHouse_User=settings["clickhouse_user"],
            X_ClickHouse_Key=settings["clickhouse_password"],
        )

    def write(self, lab: Lab) -> None:
        self.query(lab, "DROP TABLE IF EXISTS probe")
        self.query(
            lab,
            "CREATE TABLE probe (day Date, product String, price UInt32)"
            " ENGINE = MergeTree() PARTITION BY toYYYYMM(day) ORDER BY (product, day)",
        )
        lines = [json.dumps({"day": day, "product": product, "price": price}) for day, product, price in self.rows]
        self.query(lab, "INSERT INTO probe FORMAT JSONEachRow", "\n".join(lines))

    def read(self, lab: Lab) -> Any:
        return self.query(lab, "SELECT product, sum(price), count() FROM probe GROUP BY product ORDER BY product")


class Elasticsearch:
    """A document that a search with a typo finds."""

    expected = ("Mechanical keyboard",)

    def request(self, lab: Lab, method: str, path: str, body: Any = None) -> Any:
        url = f"http://127.0.0.1:{lab.port('elasticsearch', 'http')}{path}"
        return json.loads(http(method, url, json.dumps(body) if body else "", Content_Type="application/json"))

    def write(self, lab: Lab) -> None:
        self.request(lab, "PUT", "/probe/_doc/1?refresh=true", {"title": "Mechanical keyboard"})
        self.request(lab, "PUT", "/probe/_doc/2?refresh=true", {"title": "Wireless mouse"})

    def read(self, lab: Lab) -> Any:
        # After a start, the node is ready before the index.
        self.request(lab, "GET", f"/_cluster/health/probe?wait_for_status=yellow&timeout={SECONDS}s")
        query = {"match": {"title": {"query": "mecanical keybord", "fuzziness": "AUTO", "operator": "and"}}}
        hits = self.request(lab, "POST", "/probe/_search", {"query": query})["hits"]["hits"]
        return tuple(hit["_source"]["title"] for hit in hits)


class Kafka:
    """A message in a topic."""

    topic = "probe"
    expected = ("mechanical keyboard",)

    def address(self, lab: Lab) -> str:
        return f"127.0.0.1:{lab.port('kafka', 'broker')}"

    def create(self, lab: Lab, topic: str) -> None:
        """Create the topic if it does not exist."""
        admin = AdminClient({"bootstrap.servers": self.address(lab)})
        created = admin.create_topics(
            [NewTopic(topic, num_partitions=1, replication_factor=1)], request_timeout=SECONDS
        )
        try:
            created[topic].result(SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise

    def produce(self, lab: Lab, topic: str, *messages: str) -> None:
        """Send the messages, and wait for their acknowledgement."""
        failures = []
        producer = Producer({"bootstrap.servers": self.address(lab), "message.timeout.ms": SECONDS * 1000})
        for message in messages:
            producer.produce(topic, message, on_delivery=lambda error, _: failures.append(error) if error else None)
        assert producer.flush(SECONDS) == 0, "the broker did not take the messages in time"
        assert not failures, failures

    def consume(self, lab: Lab, topic: str, count: int) -> list[str]:
        """The first messages of the topic; fewer than `count` after the timeout."""
        group = {"group.id": f"probe-{uuid.uuid4().hex}", "auto.offset.reset": "earliest"}
        consumer = Consumer({"bootstrap.servers": self.address(lab), **group})
        messages, deadline = [], time.monotonic() + SECONDS
        try:
            consumer.subscribe([topic])
            while len(messages) < count and time.monotonic() < deadline:
                message = consumer.poll(0.5)
                if message and not message.error():
                    messages.append(message.value().decode())
        finally:
            consumer.close()
        return messages

    def write(self, lab: Lab) -> None:
        self.create(lab, self.topic)
        self.produce(lab, self.topic, *self.expected)

    def read(self, lab: Lab) -> Any:
        return tuple(self.consume(lab, self.topic, len(self.expected)))


PROBES = {
    "postgres": Postgres(),
    "redis": Redis(),
    "clickhouse": Clickhouse(),
    "elasticsearch": Elasticsearch(),
    "kafka": Kafka(),
}
