"""Converge Elasticsearch's index templates and indices. Documentation: plugins/modules/elasticsearch_objects.py."""

from cloudlab.ansible.store_action import StoreAction
from cloudlab.stores import readiness
from cloudlab.stores.elasticsearch import objects

ARGUMENTS = {
    "url": {"type": "str", "required": True},
    "container": {"type": "str", "required": True},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "index_templates": {"type": "list", "elements": "dict", "default": []},
    "indices": {"type": "list", "elements": "dict", "default": []},
    "timeout": {"type": "float", "default": 120.0},
    "inside": {"type": "str"},
}


class ActionModule(StoreAction):
    STORE = "elasticsearch"
    ARGUMENTS = ARGUMENTS

    def converge(self, arguments):
        declared = self.store.declare(arguments)
        server = self.store.Server(arguments["url"], arguments["user"], arguments["password"])
        check_mode = self._task.check_mode
        answers = readiness.ask(arguments["container"], server.ready, arguments["timeout"], check_mode=check_mode)
        existing = server.state(declared) if answers else objects.State({}, {})
        steps = self.store.plan(declared, existing)
        if steps.changed and not check_mode:
            server.apply(steps)
        return self._report(steps, answers)

    def _report(self, steps, answers):
        report = {"changed": steps.changed, "applied": [step.what for step in steps.steps]}
        if steps.warnings:
            report["warnings"] = list(steps.warnings)
        if not answers:
            report["msg"] = "The server does not answer: everything declared is taken as missing."
        return report | self.difference("objects", *objects.difference(steps))
