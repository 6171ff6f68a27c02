"""Converge what a ClickHouse server holds. Documentation: plugins/modules/clickhouse_objects.py."""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.compose import described, oneshot
from cloudlab.stores import clickhouse, clickhouse_server, readiness
from cloudlab.stores.lazy_client import LazyClient, is_running

ARGUMENTS = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "required": True},
    "container": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "databases": {"type": "list", "elements": "str", "default": []},
    "tables": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "database": {"type": "str"},
            "name": {"type": "str", "required": True},
            "columns": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "type": {"type": "str", "required": True},
                    "default": {"type": "str"},
                },
            },
            "engine": {"type": "str"},
            "ddl": {"type": "str"},
        },
    },
    "timeout": {"type": "float", "default": 60.0},
    "inside": {"type": "str"},
    "state": described.ARGUMENT,
}
FAILURES = (
    clickhouse.DeclarationError,
    clickhouse_server.ServerError,
    clickhouse_server.RefusedError,
    readiness.NotReadyError,
    engine.EngineError,
)


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if arguments["state"] == described.STATE:
            return result | self._describe(arguments, task_vars)
        server = clickhouse_server.Server(
            arguments["host"], arguments["port"], arguments["container"], arguments["user"], arguments["password"]
        )
        docker = LazyClient()
        try:
            return result | self._converge(server, docker, clickhouse.desired(arguments), arguments["timeout"])
        except FAILURES as error:
            raise AnsibleActionFail(str(error)) from None
        finally:
            server.close()
            docker.close()

    def _describe(self, arguments, task_vars):
        try:
            script = clickhouse.script(clickhouse.desired(arguments))
        except clickhouse.DeclarationError as error:
            raise AnsibleActionFail(str(error)) from None
        login = {"user": arguments["user"], "password": arguments["password"]}
        program = oneshot.clickhouse(arguments["container"], script, arguments["inside"], login)
        return described.add(task_vars, programs=[program])

    def _converge(self, server, docker, want, timeout):
        state, remark = self._ask(server, docker, want, timeout)
        if state is None:
            return {"changed": False, "applied": [], "differences": [], "msg": remark}
        steps = clickhouse.plan(want, state)
        if steps and not self._task.check_mode:
            server.apply(steps)
        return self._report(steps, clickhouse.differences(want, state), remark)

    def _ask(self, server, docker, want, timeout):
        """(state, remark). In check mode a server that cannot be asked is no failure: the converge makes it so.

        The state is then empty where there is no server, and None where a running one knows another password, which the
        converge would replace with its container.
        """
        check = self._task.check_mode
        if check and not is_running(docker, server.container):
            return clickhouse.NOTHING, "The server does not run: everything declared is taken as missing."
        try:
            return readiness.wait_until(docker, server.container, partial(server.state, want), timeout), ""
        except clickhouse_server.RefusedError as error:
            if check:
                return None, f"Its content cannot be compared before its container has the new password. ({error})"
            raise clickhouse_server.RefusedError(
                f"{error}. Converge the container, which brings it its users."
            ) from error

    def _report(self, steps, differences, remark):
        report = {
            "changed": bool(steps),
            "applied": [f"{step.subject}: absent -> {step.after}" for step in steps],
            "differences": differences,
        }
        if differences:
            report["warnings"] = [f"{text} Left as it is: alter the table or its declaration." for text in differences]
        if remark:
            report["msg"] = remark
        if self._task.diff:
            report["diff"] = {
                "before_header": "clickhouse",
                "after_header": "clickhouse",
                "before": "".join(f"{step.subject}: absent\n" for step in steps),
                "after": "".join(f"{step.subject}: {step.after}\n" for step in steps),
            }
        return report
