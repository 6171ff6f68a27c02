"""Kafka's topics: what is declared, what the broker has, and the steps between the two.

``declare``, ``plan`` and ``difference`` are pure. ``Broker`` asks and applies, by librdkafka in this process: a Kafka
command-line tool would be a JVM of seconds per question.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
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

from cloudlab.stores.readiness import NotYetError

NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
HOUR_MS = 3_600_000
PROBE_SECONDS = 0.5  # one question to a broker that may still be starting
TRIAL_SECONDS = 5  # one trial of topics that the broker seems to lack
REQUEST_SECONDS = 30  # one request to a broker that answers

# Answers to a trial that say nothing about the topic: the broker is not done starting.
NOT_YET = {
    KafkaError.NOT_CONTROLLER,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
}


class TopicsError(ValueError):
    """The declaration is wrong or the broker refused a step; ``problems`` holds one message each."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Topic:
    """One topic. ``config``: as declared, or what the topic itself overrides; values as the broker writes them."""

    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Existing(Topic):
    """A topic of the broker. ``effective``: every configuration value, the broker's defaults included."""

    effective: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The steps from what exists to what is declared.

    ``create``: topics by name. ``grow``: {name: number of partitions afterwards}. ``alter``: {name: {key: value}}; None
    is "back to the broker's default". ``fewer``: {name: (declared, existing)}, topics that have more partitions than
    declared, which Kafka cannot take back. ``undeclared``: topics nobody declares; they are left alone.
    """

    create: Mapping[str, Topic]
    grow: Mapping[str, int]
    alter: Mapping[str, Mapping[str, str | None]]
    fewer: Mapping[str, tuple[int, int]]
    undeclared: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.create or self.grow or self.alter)

    @property
    def warnings(self) -> list[str]:
        return [
            f"topic {name} has {existing} partitions, {declared} are declared: Kafka cannot take partitions away."
            f" Declare {existing}, or delete the topic with its messages and converge again."
            for name, (declared, existing) in self.fewer.items()
        ]


def declare(entries: Iterable[Mapping[str, Any]]) -> dict[str, Topic]:
    """Topics by name from their declarations ``{name, partitions, retention_hours, config}``.

    Two components may declare the same topic in the same way. Raises :class:`TopicsError` with every problem.
    """
    topics: dict[str, Topic] = {}
    problems: list[str] = []
    for entry in entries:
        name = str(entry["name"])
        found = _problems(name, entry)
        problems += found
        if found:
            continue
        topic = Topic(partitions=entry["partitions"], config=_config(entry))
        if topics.setdefault(name, topic) != topic:
            first, second = _words(topics[name]), _words(topic)
            problems.append(f"topic {name} is declared twice and differently: {first}, and {second}")
    if problems:
        raise TopicsError(problems)
    return topics


def plan(declared: Mapping[str, Topic], existing: Mapping[str, Existing]) -> Plan:
    """What has to be done; a topic's override that is no longer declared goes back to the broker's default."""
    both = [name for name in declared if name in existing]
    alter = {name: _alterations(declared[name], existing[name]) for name in both}
    return Plan(
        create={name: topic for name, topic in declared.items() if name not in existing},
        grow={n: declared[n].partitions for n in both if declared[n].partitions > existing[n].partitions},
        alter={name: changes for name, changes in alter.items() if changes},
        fewer={
            n: (declared[n].partitions, existing[n].partitions)
            for n in both
            if declared[n].partitions < existing[n].partitions
        },
        undeclared=tuple(sorted(n for n in existing if n not in declared and not n.startswith("__"))),
    )


def script(declared: Mapping[str, Topic], bootstrap: str) -> str:
    """A shell script that makes an empty broker hold the topics, and leaves those alone that it holds already.

    The broker is asked once which it has: each use of Kafka's tool is a JVM of seconds.
    """
    lines = [
        f"topics='kafka-topics --bootstrap-server {bootstrap}'",
        "have=$($topics --list)",
        "make() {",
        """  if ! printf '%s\\n' "$have" | grep -qxF -e "$1"; then""",
        """    name=$1 && shift && $topics --create --if-not-exists --topic "$name" "$@\"""",
        "  fi",
        "}",
    ]
    for name, topic in declared.items():
        config = "".join(f" --config {shlex.quote(f'{key}={value}')}" for key, value in topic.config.items())
        lines.append(f"make {name} --partitions {topic.partitions}{config}")
    return "".join(f"{line}\n" for line in lines)


def difference(steps: Plan, existing: Mapping[str, Existing]) -> tuple[dict, dict]:
    """(before, after): the topics that change, with the values that change."""
    before: dict[str, dict] = {}
    after: dict[str, dict] = {name: {"partitions": t.partitions, **t.config} for name, t in steps.create.items()}
    for name, partitions in steps.grow.items():
        before.setdefault(name, {})["partitions"] = existing[name].partitions
        after.setdefault(name, {})["partitions"] = partitions
    for name, changes in steps.alter.items():
        for key, value in changes.items():
            before.setdefault(name, {})[key] = existing[name].effective.get(key)
            after.setdefault(name, {})[key] = "(the broker's default)" if value is None else value
    return before, after


class Broker:
    """A broker, asked and changed through its published listener. ``bootstrap``: host:port."""

    def __init__(self, bootstrap: str):
        self._admin = AdminClient(
            {
                "bootstrap.servers": bootstrap,
                "client.id": "cloudlab-converge",
                "log_level": 0,  # a broker that is still starting is no news: the reason is in the exception
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 200,
            }
        )

    def partitions(self, declared: Mapping[str, Topic]) -> dict[str, int]:
        """Number of partitions by topic. Raises ``NotYetError`` until the broker answers and knows them all.

        A broker that has just started names its controller before it has heard of its topics, and lists none. So those
        that seem to be missing are tried, which is refused by what ZooKeeper has. Raises :class:`TopicsError` with
        every declaration that the broker would refuse.
        """
        partitions = self._listed()
        if missing := {name: topic for name, topic in declared.items() if name not in partitions}:
            self._try(missing)
        return partitions

    def _listed(self) -> dict[str, int]:
        try:
            metadata = self._admin.list_topics(timeout=PROBE_SECONDS)
        except KafkaException as error:
            raise NotYetError(_reason(error)) from None
        if not metadata.brokers or metadata.controller_id < 0:
            raise NotYetError("the broker has no controller yet")
        return {name: len(topic.partitions) for name, topic in metadata.topics.items()}

    def _try(self, topics: Mapping[str, Topic]) -> None:
        """Have the broker check whether these topics could be created, without creating any."""
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
            raise TopicsError(problems)

    def topics(self, partitions: Mapping[str, int], named: Iterable[str]) -> dict[str, Existing]:
        """The broker's topics by name, of which only those in ``named`` have their configuration asked: one request."""
        topics = {name: Existing(count) for name, count in partitions.items()}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in named if name in topics]
        if not resources:
            return topics
        for resource, future in self._admin.describe_configs(resources, request_timeout=REQUEST_SECONDS).items():
            entries = _result(future, f"topic {resource.name}: cannot read its configuration").values()
            topics[resource.name] = Existing(
                partitions=partitions[resource.name],
                config={e.name: e.value for e in entries if _source(e) is ConfigSource.DYNAMIC_TOPIC_CONFIG},
                effective={e.name: e.value for e in entries},
            )
        return topics

    def apply(self, steps: Plan) -> None:
        """Carry out the plan, each kind of step in one request. Raises :class:`TopicsError` with every refused step."""
        futures: list[tuple[str, Future]] = []
        if steps.create:
            futures += self._create(steps.create)
        if steps.grow:
            futures += self._grow(steps.grow)
        if steps.alter:
            futures += self._alter(steps.alter)
        problems = []
        for what, future in futures:
            try:
                _result(future, what)
            except TopicsError as error:
                problems += error.problems
        if problems:
            raise TopicsError(problems)

    def _create(self, topics: Mapping[str, Topic]) -> list[tuple[str, Future]]:
        # operation_timeout: the answer comes when the topic can be written to, not when it is merely noted.
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


def _problems(name: str, entry: Mapping[str, Any]) -> list[str]:
    problems = []
    if not NAME.fullmatch(name) or name in (".", ".."):
        problems.append(f"topic {name!r}: a name has 1 to 249 letters, digits, dots, dashes and underscores")
    if entry["partitions"] < 1:
        problems.append(f"topic {name}: partitions must be at least 1, not {entry['partitions']}")
    hours = entry.get("retention_hours")
    if hours is not None and hours < 1 and hours != -1:
        problems.append(f"topic {name}: retention_hours must be at least 1, or -1 for ever; not {hours}")
    if hours is not None and "retention.ms" in (entry.get("config") or {}):
        problems.append(f"topic {name}: retention_hours and config's retention.ms say the same thing; keep one")
    return problems


def _config(entry: Mapping[str, Any]) -> dict[str, str]:
    """The declared configuration in the broker's own spelling."""
    config = {key: _value(value) for key, value in (entry.get("config") or {}).items()}
    hours = entry.get("retention_hours")
    if hours is not None:
        config["retention.ms"] = str(hours if hours == -1 else hours * HOUR_MS)
    return config


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _alterations(declared: Topic, existing: Existing) -> dict[str, str | None]:
    wrong = {key: value for key, value in declared.config.items() if existing.effective.get(key) != value}
    return wrong | {key: None for key in existing.config if key not in declared.config}


def _words(topic: Topic) -> str:
    return ", ".join([f"{topic.partitions} partitions", *(f"{k}={v}" for k, v in topic.config.items())])


def _new(topics: Mapping[str, Topic]) -> list[NewTopic]:
    return [NewTopic(n, num_partitions=t.partitions, config=dict(t.config)) for n, t in topics.items()]


def _entry(key: str, value: str | None) -> ConfigEntry:
    operation = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
    return ConfigEntry(key, value, incremental_operation=operation)


def _source(entry: ConfigEntry) -> ConfigSource:
    return ConfigSource(entry.source)  # the client hands out plain integers


def _result(future: Future, what: str) -> Any:
    try:
        return future.result()
    except KafkaException as error:
        raise TopicsError([f"{what}: {_reason(error)}"]) from None


def _reason(error: KafkaException) -> str:
    cause = error.args[0]
    return cause.str() if isinstance(cause, KafkaError) else str(cause)
