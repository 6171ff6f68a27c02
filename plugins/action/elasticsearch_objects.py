"""Converge Elasticsearch's index templates and indices. Documentation: plugins/modules/elasticsearch_objects.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.compose import described, oneshot
from cloudlab.stores import elasticsearch, readiness

ARGUMENTS = {
    "url": {"type": "str", "required": True},
    "container": {"type": "str", "required": True},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "index_templates": {"type": "list", "elements": "dict", "default": []},
    "indices": {"type": "list", "elements": "dict", "default": []},
    "timeout": {"type": "float", "default": 120.0},
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
        except (elasticsearch.ObjectsError, readiness.NotReadyError, engine.EngineError) as error:
            raise AnsibleActionFail(str(error)) from None

    def _describe(self, arguments, task_vars):
        declared = elasticsearch.declare(arguments["index_templates"], arguments["indices"])
        script = elasticsearch.script(declared, arguments["inside"])
        return described.add(task_vars, programs=[oneshot.shell(arguments["container"], script)])

    def _converge(self, arguments):
        declared = elasticsearch.declare(arguments["index_templates"], arguments["indices"])
        server = elasticsearch.Server(arguments["url"], arguments["user"], arguments["password"])
        check_mode = self._task.check_mode
        answers = readiness.ask(arguments["container"], server.ready, arguments["timeout"], check_mode=check_mode)
        existing = server.state(declared) if answers else elasticsearch.State({}, {})
        steps = elasticsearch.plan(declared, existing)
        if steps.changed and not check_mode:
            server.apply(steps)
        return self._report(steps, answers)

    def _report(self, steps, answers):
        report = {"changed": steps.changed, "applied": [step.what for step in steps.steps]}
        if steps.warnings:
            report["warnings"] = list(steps.warnings)
        if not answers:
            report["msg"] = "The server does not answer: everything declared is taken as missing."
        if self._task.diff:
            before, after = elasticsearch.difference(steps)
            report["diff"] = {
                "before_header": "objects",
                "after_header": "objects",
                "before": yaml.safe_dump(before) if before else "",
                "after": yaml.safe_dump(after) if after else "",
            }
        return report
