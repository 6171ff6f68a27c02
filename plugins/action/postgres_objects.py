"""Converge the objects of a PostgreSQL server. Documentation: plugins/modules/postgres_objects.py."""

from functools import partial

from cloudlab.ansible.store_action import ADDRESS, StoreAction
from cloudlab.stores import readiness
from cloudlab.stores.base import RefusedError, StoreError
from cloudlab.stores.lazy_client import LazyClient, is_running
from cloudlab.stores.postgres import objects
from cloudlab.stores.postgres.shapes import Step

EXTENSIONS = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {"name": {"type": "str", "required": True}, "schema": {"type": "str"}},
}
ARGUMENTS = {
    **ADDRESS,
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
}


class ActionModule(StoreAction):
    STORE = "postgres"
    ARGUMENTS = ARGUMENTS

    def converge(self, arguments):
        keys = ("host", "port", "container", "admin_user", "admin_password")
        server = self.store.Server(*(arguments[key] for key in keys), LazyClient())
        try:
            return self._converge(server, self.store.declare(arguments), arguments["timeout"])
        finally:
            server.close()

    def _converge(self, server, want, timeout):
        state, contents, admin_rejected = self._ask(server, want, timeout)
        plan = self.store.plan(want, state, contents)
        steps = plan.steps()
        if steps and not self._task.check_mode:
            server.apply(plan)
        if admin_rejected:
            user = want.admin
            steps.insert(0, Step(f"role {user}, password", "not accepted", "as declared; superuser", ""))
        return self._report(want, steps, contents, admin_rejected)

    def _ask(self, server, want, timeout):
        """(state, contents, whether the server rejects the administrator's password, which is then set)."""
        if self._task.check_mode and not is_running(server.engine, server.container):
            return objects.NOTHING, {}, False
        probe = partial(server.answer, want.main.name)
        try:
            state = readiness.wait_until(server.engine, server.container, probe, timeout)
            return state, server.contents(want, state, locally=False), False
        except RefusedError:
            if self._task.check_mode:
                state = server.answer_locally(want.main.name)
                return state, server.contents(want, state, locally=True), True
        server.set_admin()
        try:
            state = server.answer(want.main.name)
        except RefusedError as error:
            raise StoreError(
                f"the server at {server.host}:{server.port} refuses {want.admin} although its password was just set in"
                f" container {server.container}: another server listens on that port. ({error})"
            ) from error
        return state, server.contents(want, state, locally=False), True

    def _report(self, want, steps, contents, admin_rejected):
        report = {
            "changed": bool(steps),
            "applied": [f"{step.subject}: {step.before} -> {step.after}" for step in steps],
            "admin_password_set": admin_rejected,
            "unmanaged_schemas": objects.unmanaged_schemas(want, contents),
        }
        return report | self.difference(
            "postgres",
            "".join(f"{step.subject}: {step.before}\n" for step in steps),
            "".join(f"{step.subject}: {step.after}\n" for step in steps),
        )
