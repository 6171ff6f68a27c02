"""Kafka: the declared topics with their partitions and settings."""

from collections.abc import Iterable, Mapping

from cloudlab.checks import NOTE, OK, Check, converge, verdict
from cloudlab.stores import kafka

STORE = "kafka"


def checks(declared: Mapping[str, kafka.Topic], existing: Mapping[str, kafka.Existing]) -> list[Check]:
    """A check per declared topic."""
    steps = kafka.plan(declared, existing)
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


def _faults(name: str, steps: kafka.Plan, existing: Mapping[str, kafka.Existing]) -> Iterable[str]:
    if name in steps.create:
        yield "absent"
    if name in steps.grow:
        yield f"{existing[name].partitions} partitions, {steps.grow[name]} are declared"
    if name in steps.fewer:
        declared, has = steps.fewer[name]
        yield f"{has} partitions, {declared} are declared"
    for key, value in steps.alter.get(name, {}).items():
        wanted = "the broker's default" if value is None else value
        yield f"{key} is {existing[name].effective.get(key)}, declared is {wanted}"
