"""Converge Kafka's topics. Documentation: plugins/modules/kafka_topics.py."""

from cloudlab.ansible.store_action import CONTAINER, StoreAction
from cloudlab.stores.kafka import objects

ARGUMENTS = {
    "bootstrap": {"type": "str", "required": True},
    **CONTAINER,
    "topics": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "partitions": {"type": "int", "default": 1},
            "retention_hours": {"type": "int"},
            "config": {"type": "dict", "default": {}},
        },
    },
    "inside": {"type": "str"},
}


class ActionModule(StoreAction):
    STORE = "kafka"
    ARGUMENTS = ARGUMENTS

    def converge(self, arguments):
        declared = self.store.declare(arguments)
        broker = self.store.Server(arguments["bootstrap"])
        partitions = self.ask(arguments, lambda: broker.partitions(declared))
        existing = broker.topics(partitions or {}, declared)
        steps = self.store.plan(declared, existing)
        if steps.changed and not self._task.check_mode:
            broker.apply(steps)
        return self._report(steps, existing, answers=partitions is not None)

    def _report(self, steps, existing, answers):
        report = {
            "changed": steps.changed,
            "created": sorted(steps.create),
            "grown": dict(steps.grow),
            "altered": {name: dict(changes) for name, changes in steps.alter.items()},
            "undeclared": list(steps.undeclared),
        }
        if steps.warnings:
            report["warnings"] = steps.warnings
        if not answers:
            report["msg"] = "The broker does not answer: every declared topic is treated as missing."
        return report | self.difference("topics", *objects.difference(steps, existing))
