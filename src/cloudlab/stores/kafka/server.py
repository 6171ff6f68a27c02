"""A client of a Kafka broker, in this process: each of Kafka's own tools would start a JVM for seconds."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from cloudlab.model.problems import each
from cloudlab.stores.base import ObjectsError
from cloudlab.stores.kafka.objects import Existing, Plan, Topic
from cloudlab.stores.readiness import NotYetError

PROBE_SECONDS = 0.5  # a probe of a broker that may still be starting
TRIAL_SECONDS = 5  # a dry run of creating missing topics
REQUEST_SECONDS = 30  # a request to a broker that answers

# Errors of a dry run that do not concern the topic: the broker is still starting.
NOT_YET = {
    KafkaError.NOT_CONTROLLER,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
}


class Server:
    """A broker. ``bootstrap``: host:port of its published listener."""

    def __init__(self, bootstrap: str):
        self._admin = AdminClient(
            {
                "bootstrap.servers": bootstrap,
                "client.id": "cloudlab-converge",
                "log_level": 0,  # the exception has the cause; a broker that is still starting is expected
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 200,
            }
        )

    def partitions(self, declared: Mapping[str, Topic]) -> dict[str, int]:
        """Number of partitions by topic. Raises ``NotYetError`` until the broker answers and knows them all.

        A broker that has just started names its controller before it has heard of its topics, and lists none. So those
        that seem to be missing are tried, which is refused by what the controller knows. Raises :class:`ObjectsError`
        with every declaration that the broker would refuse.
        """
        partitions = self._listed()
        if missing := {name: topic for name, topic in declared.items() if name not in partitions}:
            self._validate(missing)
        return partitions

    def _listed(self) -> dict[str, int]:
        try:
            metadata = self._admin.list_topics(timeout=PROBE_SECONDS)
        except KafkaException as error:
            raise NotYetError(_reason(error)) from None
        if not metadata.brokers or metadata.controller_id < 0:
            raise NotYetError("the broker has no controller yet")
        return {name: len(topic.partitions) for name, topic in metadata.topics.items()}

    def _validate(self, topics: Mapping[str, Topic]) -> None:
        """Dry run: let the broker check whether it could create these topics."""
        futures = self._admin.create_topics(
            _new(topics), operation_timeout=TRIAL_SECONDS, request_timeout=TRIAL_SECONDS, validate_only=True
        )
        problems = []
        for name, future in futures.items():
            try:
                future.result()
            except KafkaException as error:
                code = error.args[0].code()
                if code == KafkaError.TOPIC_ALREADY_EXISTS:
                    raise NotYetError(f"the broker does not know its topic {name} yet") from None
                if code in NOT_YET:
                    raise NotYetError(_reason(error)) from None
                problems.append(f"topic {name}: cannot create it: {_reason(error)}")
        if problems:
            raise ObjectsError(problems)

    def topics(self, partitions: Mapping[str, int], named: Iterable[str]) -> dict[str, Existing]:
        """The broker's topics by name, those in ``named`` with their configuration: one request."""
        topics = {name: Existing(count) for name, count in partitions.items()}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in named if name in topics]
        if not resources:
            return topics
        for resource, future in self._admin.describe_configs(resources, request_timeout=REQUEST_SECONDS).items():
            entries = _result(future, f"topic {resource.name}: cannot read its configuration").values()
            topics[resource.name] = Existing(
                partitions=partitions[resource.name],
                # The client returns integers for sources.
                config={e.name: e.value for e in entries if e.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value},
                effective={e.name: e.value for e in entries},
            )
        return topics

    def apply(self, steps: Plan) -> None:
        """Apply the plan, each kind of step in one request. Raises ObjectsError with every refused step."""
        futures: list[tuple[str, Future]] = []
        if steps.create:
            futures += self._create(steps.create)
        if steps.grow:
            futures += self._grow(steps.grow)
        if steps.alter:
            futures += self._alter(steps.alter)
        each(lambda job: _result(job[1], job[0]), futures, ObjectsError)

    def _create(self, topics: Mapping[str, Topic]) -> list[tuple[str, Future]]:
        # operation_timeout: the answer waits until the topic is writable, not only registered.
        futures = self._admin.create_topics(
            _new(topics), operation_timeout=REQUEST_SECONDS, request_timeout=REQUEST_SECONDS
        )
        return [(f"topic {name}: cannot create it", future) for name, future in futures.items()]

    def _grow(self, counts: Mapping[str, int]) -> list[tuple[str, Future]]:
        new = [NewPartitions(name, count) for name, count in counts.items()]
        futures = self._admin.create_partitions(new, operation_timeout=REQUEST_SECONDS, request_timeout=REQUEST_SECONDS)
        return [(f"topic {name}: cannot add partitions", future) for name, future in futures.items()]

    def _alter(self, alterations: Mapping[str, Mapping[str, str | None]]) -> list[tuple[str, Future]]:
        resources = [
            ConfigResource(ResourceType.TOPIC, name, incremental_configs=[_entry(k, v) for k, v in changes.items()])
            for name, changes in alterations.items()
        ]
        futures = self._admin.incremental_alter_configs(resources, request_timeout=REQUEST_SECONDS)
        return [(f"topic {res.name}: cannot alter its configuration", future) for res, future in futures.items()]


def _new(topics: Mapping[str, Topic]) -> list[NewTopic]:
    return [NewTopic(n, num_partitions=t.partitions, config=dict(t.config)) for n, t in topics.items()]


def _entry(key: str, value: str | None) -> ConfigEntry:
    operation = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
    return ConfigEntry(key, value, incremental_operation=operation)


def _result(future: Future, what: str) -> Any:
    try:
        return future.result()
    except KafkaException as error:
        raise ObjectsError([f"{what}: {_reason(error)}"]) from None


def _reason(error: KafkaException) -> str:
    cause = error.args[0]
    return cause.str() if isinstance(cause, KafkaError) else str(cause)
