"""Converge the databases and tables of a ClickHouse server. Documentation: plugins/modules/clickhouse_objects.py."""

from functools import partial

from cloudlab.ansible.store_action import ADDRESS, StoreAction
from cloudlab.stores import readiness
from cloudlab.stores.base import RefusedError
from cloudlab.stores.clickhouse import objects
from cloudlab.stores.lazy_client import LazyClient, is_running

ARGUMENTS = {
    **ADDRESS,
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
    "inside": {"type": "str"},
}


class ActionModule(StoreAction):
    STORE = "clickhouse"
    ARGUMENTS = ARGUMENTS

    def converge(self, arguments):
        server = self.store.Server(*(arguments[key] for key in ("host", "port", "container", "user", "password")))
        docker = LazyClient()
        try:
            return self._converge(server, docker, self.store.declare(arguments), arguments["timeout"])
        finally:
            server.close()
            docker.close()

    def _converge(self, server, docker, want, timeout):
        state, remark = self._ask(server, docker, want, timeout)
        if state is None:
            return {"changed": False, "applied": [], "differences": [], "msg": remark}
        steps = self.store.plan(want, state)
        if steps and not self._task.check_mode:
            server.apply(steps)
        return self._report(steps, objects.differences(want, state), remark)

    def _ask(self, server, docker, want, timeout):
        """(state, remark). In check mode, a server that does not answer is not a failure: a converge would start it.

        The state is then empty where there is no server, and None where a running one has another password, which a
        converge would set.
        """
        check = self._task.check_mode
        if check and not is_running(docker, server.container):
            return objects.NOTHING, "The server is not running: every declared object is treated as missing."
        try:
            return readiness.wait_until(docker, server.container, partial(server.state, want), timeout), ""
        except RefusedError as error:
            if check:
                return None, f"Its content cannot be compared until its container has the new password. ({error})"
            raise RefusedError(f"{error}. Converge the container, which sets its users.") from error

    def _report(self, steps, differences, remark):
        report = {
            "changed": bool(steps),
            "applied": [f"{step.subject}: absent -> {step.after}" for step in steps],
            "differences": differences,
        }
        if differences:
            report["warnings"] = [
                f"{text} It is not changed. Alter the table or its declaration." for text in differences
            ]
        if remark:
            report["msg"] = remark
        return report | self.difference(
            "clickhouse",
            "".join(f"{step.subject}: absent\n" for step in steps),
            "".join(f"{step.subject}: {step.after}\n" for step in steps),
        )
