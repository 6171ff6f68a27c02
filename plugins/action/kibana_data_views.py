"""Converge Kibana's data views. Documentation: plugins/modules/kibana_data_views.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.compose import described, oneshot
from cloudlab.stores import kibana, readiness

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
        except (kibana.DataViewsError, readiness.NotReadyError, engine.EngineError) as error:
            raise AnsibleActionFail(str(error)) from None

    def _describe(self, arguments, task_vars):
        script = kibana.script(kibana.declare(arguments["data_views"]), arguments["inside"])
        return described.add(task_vars, programs=[oneshot.shell(arguments["container"], script)])

    def _converge(self, arguments):
        declared = kibana.declare(arguments["data_views"])
        server = kibana.Server(arguments["url"], arguments["user"], arguments["password"])
        check_mode = self._task.check_mode
        answers = readiness.ask(arguments["container"], server.ready, arguments["timeout"], check_mode=check_mode)
        existing = server.state(declared) if answers else {}
        steps = kibana.plan(declared, existing)
        if steps and not check_mode:
            server.apply(steps)
        return self._report(steps, existing, answers)

    def _report(self, steps, existing, answers):
        report = {"changed": bool(steps), "applied": list(steps)}
        if not answers:
            report["msg"] = "Kibana does not answer: everything declared is taken as missing."
        if self._task.diff:
            before, after = kibana.difference(steps, existing)
            report["diff"] = {
                "before_header": "data views",
                "after_header": "data views",
                "before": yaml.safe_dump(before) if before else "",
                "after": yaml.safe_dump(after) if after else "",
            }
        return report
