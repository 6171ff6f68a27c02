"""Converge Kibana's data views. Documentation: plugins/modules/kibana_data_views.py."""

from cloudlab.ansible.store_action import HTTP, HTTPStoreAction
from cloudlab.stores.kibana import objects

ARGUMENTS = {
    **HTTP,
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


class ActionModule(HTTPStoreAction):
    STORE = "kibana"
    ARGUMENTS = ARGUMENTS
    NOTHING = objects.NOTHING

    def report(self, steps, existing, answers):
        report = {"changed": bool(steps), "applied": list(steps)}
        if not answers:
            report["msg"] = "The server does not answer: every declared object is treated as missing."
        return report | self.difference("data views", *objects.difference(steps, existing))
