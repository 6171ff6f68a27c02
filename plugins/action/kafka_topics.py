"""Converge Kafka's topics. Documentation: plugins/modules/kafka_topics.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.compose import described, oneshot
from cloudlab.stores import kafka, readiness

ARGUMENTS = {
    "bootstrap": {"type": "str", "required": True},
    "container": {"type": "str", "required": True},
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
    "timeout": {"type": "float", "default": 60.0},
    "inside": {"type": "str"},
    "state": described.ARGUMENT,
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            if arguments["state"] == described.STATE:
                return result | self._describe(arguments, task_vars)
            return result | self._converge(arguments)
        except (kafka.TopicsError, readiness.NotReadyError, engine.EngineError) as error:
            raise AnsibleActionFail(str(error)) from None

    def _describe(self, arguments, task_vars):
        script = kafka.script(kafka.declare(arguments["topics"]), arguments["inside"])
        return described.add(task_vars, programs=[oneshot.kafka(arguments["container"], script)])

    def _converge(self, arguments):
        declared = kafka.declare(arguments["topics"])
        broker = kafka.Broker(arguments["bootstrap"])
        check_mode = self._task.check_mode
        partitions = readiness.ask(
            arguments["container"], lambda: broker.partitions(declared), arguments["timeout"], check_mode=check_mode
        )
        existing = broker.topics(partitions or {}, declared)
        steps = kafka.plan(declared, existing)
        if steps.changed and not check_mode:
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
            report["msg"] = "The broker does not answer: every declared topic is taken as missing."
        if self._task.diff:
            before, after = kafka.difference(steps, existing)
            report["diff"] = {
                "before_header": "topics",
                "after_header": "topics",
                "before": yaml.safe_dump(before) if before else "",
                "after": yaml.safe_dump(after) if after else "",
            }
        return report
