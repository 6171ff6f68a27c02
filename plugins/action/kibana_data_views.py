"""Converge Kibana's data views. Documentation: plugins/modules/kibana_data_views.py."""

from cloudlab.ansible.store_action import StoreAction
from cloudlab.stores import readiness
from cloudlab.stores.kibana import objects

ARGUMENTS = {
    "url": {"type": "str", "required": True},
    "container": {"type": "str", "required": True},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "data_views": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "title": {"type": "str", "required": True},
            "id": {"type": "str"},
            "name": {"type": "str"},
            "time_field": {"type": "str"},
        },
    },
    "timeout": {"type": "float", "default": 300.0},
    "inside": {"type": "str"},
}


class ActionModule(StoreAction):
    STORE = "kibana"
    ARGUMENTS = ARGUMENTS

    def converge(self, arguments):
        declared = self.store.declare(arguments)
        server = self.store.Server(arguments["url"], arguments["user"], arguments["password"])
        check_mode = self._task.check_mode
        answers = readiness.ask(arguments["container"], server.ready, arguments["timeout"], check_mode=check_mode)
        existing = server.state(declared) if answers else {}
        steps = self.store.plan(declared, existing)
        if steps and not check_mode:
            server.apply(steps)
        return self._report(steps, existing, answers)

    def _report(self, steps, existing, answers):
        report = {"changed": bool(steps), "applied": list(steps)}
        if not answers:
            report["msg"] = "Kibana does not answer: everything declared is taken as missing."
        return report | self.difference("data views", *objects.difference(steps, existing))
