"""The base of all stores' actions, around declare, plan, apply and check."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.model.checks import plain, unreachable
from cloudlab.stores import readiness, registry
from cloudlab.stores.base import Store, StoreError
from cloudlab.stores.lazy_client import LazyClient, is_running

# Arguments that stores share; plugins/doc_fragments/store.py documents them.
CONTAINER: dict[str, Any] = {
    "container": {"type": "str", "required": True},
    "timeout": {"type": "float", "default": 60.0},
}
ADDRESS: dict[str, Any] = {
    **CONTAINER,
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "required": True},
}
HTTP: dict[str, Any] = {
    **CONTAINER,
    "url": {"type": "str", "required": True},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
}


class StoreAction(ActionBase):
    """Converges, compares or describes the objects of a store: see cloudlab.ansible.modes.

    A store's action has STORE, its name and the area of its checks; ARGUMENTS, an argument specification; and the
    method `converge`. The rest is the store's own: see cloudlab.stores.base.Store.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True
    STORE: ClassVar[str]
    ARGUMENTS: ClassVar[Mapping[str, Any]]

    @property
    def store(self) -> Store:
        """The store's sub-package."""
        return registry.find(self.STORE)

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Run the task; errors become messages, not tracebacks."""
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec={**self.ARGUMENTS, "mode": modes.ARGUMENT})
        try:
            if arguments["mode"] == modes.DESCRIBE:
                program = self.store.one_shot(arguments)
                return result | modes.describe(task_vars, programs=[program] if program else [])
            if arguments["mode"] == modes.COMPARE:
                return result | modes.compare(task_vars, stores=[self._compared(arguments)])
            return result | self.converge(arguments)
        except (StoreError, engine.EngineError) as error:
            raise AnsibleActionFail(str(error)) from None

    def _compared(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a comparison; a store that does not answer has one failed check."""
        docker = LazyClient()
        try:
            # Another program may listen on its port.
            if not is_running(docker, arguments["container"]):
                raise readiness.NotReadyError(f"container {arguments['container']} is not running")
            checks, found = self.store.check(arguments, docker)
        except (StoreError, engine.EngineError) as error:
            checks, found = unreachable(self.STORE, str(error)), None
        finally:
            docker.close()
        return {"store": self.STORE, "checks": plain(checks), "found": found}

    def converge(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The report of the task: changed, and what was done or, in check mode, would be."""
        raise NotImplementedError

    def ask(self, arguments: Mapping[str, Any], question: Callable[[], Any]) -> Any:
        """The server's answer, waited for; None in check mode when the server does not answer."""
        timeout, check_mode = arguments["timeout"], self._task.check_mode
        return readiness.ask(arguments["container"], question, timeout, check_mode=check_mode)

    def difference(self, what: str, before: Any, after: Any) -> dict[str, Any]:
        """The part of a report that --diff shows; texts unchanged, other documents as YAML."""
        if not self._task.diff:
            return {}
        return {
            "diff": {"before_header": what, "after_header": what, "before": _text(before), "after": _text(after)},
        }


class HTTPStoreAction(StoreAction):
    """A store that speaks JSON over HTTP. NOTHING: the state of an empty server."""

    NOTHING: ClassVar[Any]

    def converge(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """See StoreAction."""
        declared = self.store.declare(arguments)
        server = self.store.Server(arguments["url"], arguments["user"], arguments["password"])
        answers = self.ask(arguments, server.ready)
        existing = server.state(declared) if answers else self.NOTHING
        steps = self.store.plan(declared, existing)
        if steps and not self._task.check_mode:
            server.apply(steps)
        return self.report(steps, existing, answers)

    def report(self, steps: Any, existing: Any, answers: Any) -> dict[str, Any]:
        """The report of the task."""
        raise NotImplementedError


def _text(document: Any) -> str:
    if isinstance(document, str):
        return document
    return yaml.safe_dump(document) if document else ""
