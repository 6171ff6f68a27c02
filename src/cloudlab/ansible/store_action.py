"""What the actions of all stores have in common: the frame that Ansible sees around declare, ask, plan and apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine, validate
from cloudlab.ansible import modes
from cloudlab.stores import readiness
from cloudlab.stores.lazy_client import LazyClient, is_running
from cloudlab.stores.readiness import Answer

COMPARE_SECONDS = 5


class StoreAction(ActionBase):
    """Converges, compares or describes what a store holds: see cloudlab.ansible.modes.

    A store's action has STORE, the area of its checks; ARGUMENTS, an argument specification; FAILURES, the exceptions
    whose text is all that there is to say; and the methods below.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True
    STORE: ClassVar[str]
    ARGUMENTS: ClassVar[Mapping[str, Any]]
    FAILURES: ClassVar[tuple[type[Exception], ...]]

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Run the task; what can fail ends in a message, not in a traceback."""
        expected: tuple[type[Exception], ...] = (*self.FAILURES, readiness.NotReadyError, engine.EngineError)
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec={**self.ARGUMENTS, "mode": modes.ARGUMENT})
        try:
            if arguments["mode"] == modes.DESCRIBE:
                programs = [program] if (program := self.program(arguments)) else []
                return result | modes.describe(task_vars, programs=programs)
            if arguments["mode"] == modes.COMPARE:
                return result | modes.compare(task_vars, stores=[self._compared(arguments)])
            return result | self.converge(arguments)
        except expected as error:
            raise AnsibleActionFail(str(error)) from None

    def _compared(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The result of `compare`; a store that cannot be asked has one failed check."""
        docker = LazyClient()
        expected: tuple[type[Exception], ...] = (
            *self.FAILURES, readiness.NotReadyError, readiness.NotYetError, engine.EngineError,
        )  # fmt: skip
        try:
            # Whoever else listens on its port is not to be asked.
            if not is_running(docker, arguments["container"]):
                raise readiness.NotReadyError(f"container {arguments['container']} does not run")
            checks, found = self.compare(arguments, docker)
        except expected as error:
            checks, found = validate.unreachable(self.STORE, str(error)), None
        finally:
            docker.close()
        return {"store": self.STORE, "checks": validate.plain(checks), "found": found}

    def wait(self, docker: LazyClient, arguments: Mapping[str, Any], probe: Callable[[], Answer]) -> Answer:
        """The answer of a store that is to be compared, which may happen to be starting."""
        return readiness.wait_until(docker, arguments["container"], probe, COMPARE_SECONDS)

    def program(self, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """The one-shot (cloudlab.compose.oneshot) that does the same in a container, if there is anything to do."""
        raise NotImplementedError

    def compare(self, arguments: Mapping[str, Any], docker: LazyClient) -> tuple[list[validate.Check], Any]:
        """(checks of what is declared, what was found besides)."""
        raise NotImplementedError

    def converge(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The report of the task: changed, and what was done or, in check mode, would be."""
        raise NotImplementedError

    def difference(self, what: str, before: Any, after: Any) -> dict[str, Any]:
        """The part of a report that --diff shows; texts stand as they are, other documents as YAML."""
        if not self._task.diff:
            return {}
        return {
            "diff": {"before_header": what, "after_header": what, "before": _text(before), "after": _text(after)},
        }


def _text(document: Any) -> str:
    if isinstance(document, str):
        return document
    return yaml.safe_dump(document) if document else ""
