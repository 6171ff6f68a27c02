"""What the actions of all stores have in common: the frame that Ansible sees around declare, ask, plan and apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.compose import described
from cloudlab.stores import readiness


class StoreAction(ActionBase):
    """Converges what a store holds; in the state `described` only says with what program that would be done.

    A store's action has ARGUMENTS, an argument specification; FAILURES, the exceptions whose text is all that there is
    to say; and the two methods.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True
    ARGUMENTS: ClassVar[Mapping[str, Any]]
    FAILURES: ClassVar[tuple[type[Exception], ...]]

    def run(self, tmp=None, task_vars=None):
        """Run the task; what can fail ends in a message, not in a traceback."""
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec={**self.ARGUMENTS, "state": described.ARGUMENT})
        try:
            if arguments["state"] == described.STATE:
                return result | described.add(task_vars, programs=[self.program(arguments)])
            return result | self.converge(arguments)
        except (*self.FAILURES, readiness.NotReadyError, engine.EngineError) as error:
            raise AnsibleActionFail(str(error)) from None

    def program(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The one-shot (cloudlab.compose.oneshot) that does the same in a container."""
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
