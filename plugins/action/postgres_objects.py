"""Converge what a PostgreSQL server holds. Documentation: plugins/modules/postgres_objects.py."""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.compose import described, oneshot
from cloudlab.stores import postgres, postgres_server, readiness
from cloudlab.stores.lazy_client import LazyClient, is_running

EXTENSIONS = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {"name": {"type": "str", "required": True}, "schema": {"type": "str"}},
}
ARGUMENTS = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "required": True},
    "container": {"type": "str", "required": True},
    "admin_user": {"type": "str", "required": True},
    "admin_password": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "health_role": {"type": "str"},
    "services": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "role": {"type": "str"},
            "password": {"type": "str", "required": True},
            "schema": {"type": "str"},
            "database": {"type": "str"},
        },
    },
    "extensions": EXTENSIONS,
    "databases": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "owner": {"type": "str", "required": True},
            "extensions": EXTENSIONS,
        },
    },
    "timeout": {"type": "float", "default": 60.0},
    "state": described.ARGUMENT,
}
FAILURES = (
    postgres.DeclarationError,
    postgres_server.ServerError,
    readiness.NotReadyError,
    readiness.NotYetError,
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
        server = postgres_server.Server(
            address=postgres_server.Address(arguments["host"], arguments["port"], arguments["container"]),
            user=arguments["admin_user"],
            password=arguments["admin_password"],
            engine=LazyClient(),
        )
        try:
            return result | self._converge(server, postgres.desired(arguments), arguments["timeout"])
        except FAILURES as error:
            raise AnsibleActionFail(str(error)) from None
        finally:
            server.close()

    def _describe(self, arguments, task_vars):
        try:
            want = postgres.desired(arguments)
        except postgres.DeclarationError as error:
            raise AnsibleActionFail(str(error)) from None
        program = oneshot.postgres(arguments["container"], want, arguments["admin_password"])
        return described.add(task_vars, programs=[program])

    def _converge(self, server, want, timeout):
        state, contents, admin_is_wrong = self._ask(server, want, timeout)
        plan = postgres.plan(want, state, contents)
        steps = plan.steps()
        if steps and not self._task.check_mode:
            server.apply(plan)
        if admin_is_wrong:
            user = want.admin
            steps.insert(0, postgres.Step(f"role {user}, password", "not accepted", "as declared; superuser", ""))
        return self._report(want, steps, contents, admin_is_wrong)

    def _ask(self, server, want, timeout):
        """(state, contents, whether the administrator's role had to be, or would have to be, set)."""
        if self._task.check_mode and not is_running(server.engine, server.address.container):
            return postgres.NOTHING, {}, False
        probe = partial(server.answer, want.main.name)
        try:
            state = readiness.wait_until(server.engine, server.address.container, probe, timeout)
            return state, postgres_server.find_state(server, want, state, locally=False), False
        except postgres_server.AdminRefusedError:
            if self._task.check_mode:
                state = server.answer_locally(want.main.name)
                return state, postgres_server.find_state(server, want, state, locally=True), True
        server.set_admin()
        try:
            state = server.answer(want.main.name)
        except postgres_server.AdminRefusedError as error:
            at = server.address
            raise postgres_server.ServerError(
                f"the server at {at.host}:{at.port} refuses {want.admin} although its password was just set in"
                f" container {at.container}: another server listens on that port. ({error})"
            ) from error
        return state, postgres_server.find_state(server, want, state, locally=False), True

    def _report(self, want, steps, contents, admin_is_wrong):
        report = {
            "changed": bool(steps),
            "applied": [f"{step.subject}: {step.before} -> {step.after}" for step in steps],
            "admin_password_set": admin_is_wrong,
            "unmanaged_schemas": postgres.unmanaged_schemas(want, contents),
        }
        if self._task.diff:
            report["diff"] = {
                "before_header": "postgres",
                "after_header": "postgres",
                "before": "".join(f"{step.subject}: {step.before}\n" for step in steps),
                "after": "".join(f"{step.subject}: {step.after}\n" for step in steps),
            }
        return report
