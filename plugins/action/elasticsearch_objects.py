"""Converge Elasticsearch's index templates and indices. Documentation: plugins/modules/elasticsearch_objects.py."""

from cloudlab.ansible.store_action import HTTP, HTTPStoreAction
from cloudlab.stores.elasticsearch import objects

ARGUMENTS = {
    **HTTP,
    "index_templates": {"type": "list", "elements": "dict", "default": []},
    "indices": {"type": "list", "elements": "dict", "default": []},
    "timeout": {"type": "float", "default": 120.0},
    "inside": {"type": "str"},
}


class ActionModule(HTTPStoreAction):
    STORE = "elasticsearch"
    ARGUMENTS = ARGUMENTS
    NOTHING = objects.NOTHING

    def report(self, steps, existing, answers):
        report = {"changed": bool(steps), "applied": [step.what for step in steps.steps]}
        if steps.warnings:
            report["warnings"] = list(steps.warnings)
        if not answers:
            report["msg"] = "The server does not answer: every declared object is treated as missing."
        return report | self.difference("objects", *objects.difference(steps))
