"""The action `containers`, an interface to cloudlab.containers.

Documentation: plugins/modules/containers.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.compose import described
from cloudlab.containers import converge, declaration, files, plan
from cloudlab.containers.spec import SpecError
from cloudlab.model import secrets, settings
from cloudlab.stores import diagnosis

ARGUMENTS = {
    "instance": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "specs": {"type": "raw"},
    "state": {"type": "str", "choices": list(plan.STATES), "default": "started"},
    "mode": modes.ARGUMENT,
    "timeout": {"type": "float", "default": 120.0},
    "concurrency": {"type": "int", "default": converge.WORKERS},
    "orphans": {"type": "bool", "default": False},
    "optional": {"type": "bool", "default": False},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
}


class ActionModule(ActionBase):
    """Converges a list of containers in this process."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        """Run the task; errors become messages, not tracebacks."""
        result = super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        self._templars = {}
        try:
            arguments = self._arguments()
            if arguments["mode"] == modes.DESCRIBE:
                return result | self._describe(arguments)
            if arguments["mode"] == modes.COMPARE:
                return result | self._compare(arguments)
            report = self._converge(arguments, self._task.check_mode)
        # Results instead of exceptions, to which `failed_when` does not apply.
        except SpecError as error:
            return result | {
                "failed": True,
                "msg": f"The container specifications are invalid. Nothing was changed:\n{_bullets(error.problems)}",
            }
        except engine.EngineError as error:
            return result | {"failed": True, "msg": str(error)}
        result |= {"changed": report.changed, "actions": report.actions, "msg": report.message}
        if report.diff:
            result["diff"] = report.diff
        if report.failures:
            failures = [{"container": item.container, "cause": item.cause} for item in report.failures]
            result |= {
                "failed": not arguments["optional"],
                "failures": failures,
                "failed_components": report.failed_components,
            }
        return result

    def _arguments(self):
        """The task's arguments, checked, except the specifications, which the check would copy."""
        arguments = {name: value for name, value in self._task.args.items() if name != "specs"}
        checked = ArgumentSpecValidator(ARGUMENTS).validate(arguments)
        if checked.error_messages:
            raise AnsibleActionFail(_bullets(map(_message, checked.errors.errors)))
        return checked.validated_parameters | {"specs": self._task.args.get("specs")}

    def _describe(self, arguments):
        """The desired state of the containers, for the Docker Compose export."""
        if arguments["state"] in ("stopped", "absent"):
            return {"changed": False}
        specs = declaration.parse(arguments["specs"], str(arguments["instance"]))
        complete = files.rendered(specs, Path(str(arguments["directory"])), self._render)
        role = Path(self._task_vars["role_path"])
        containers = {item.name: described.container(item, role) for item in complete}
        return modes.describe(self._task_vars, containers=containers)

    def _compare(self, arguments):
        """The actions of a converge; containers that cannot be compared are a finding and do not end the play."""
        try:
            report = self._converge(arguments, check=True)
            plan = {"actions": report.actions}
        except SpecError as error:
            plan = {"msg": _bullets(error.problems)}
        except engine.EngineError as error:
            plan = {"msg": str(error)}
        role = Path(self._task_vars["role_path"]).name
        earlier = self._task_vars.get("ansible_facts", {}).get(modes.COMPARED, modes.NOTHING_COMPARED)
        return modes.compare(self._task_vars, plans={role: _joined(earlier["plans"].get(role, {}), plan)})

    def _converge(self, arguments, check):
        request = converge.Request(
            instance=str(arguments["instance"]),
            directory=Path(str(arguments["directory"])).absolute(),
            specs=arguments["specs"],
            state=str(arguments["state"]),
            timeout=arguments["timeout"],
            workers=max(1, arguments["concurrency"]),
            check=check,
            diff=self._task.diff,
            orphans=arguments["orphans"],
            secrets=self._secrets(arguments),
            advise=diagnosis.explain,
        )
        work = converge.converge_optional if arguments["optional"] else converge.converge
        with engine.connect() as connected:
            return work(connected, request, self._render)

    def _secrets(self, arguments):
        """All secret values. Computed when the first text is shown."""
        yield from map(str, arguments["secrets"])
        yield from (
            str(self._templar.template(self._task_vars[name]))
            for name in settings.passwords(self._task_vars)
            if name in self._task_vars
        )
        yield from secrets.generated(Path(str(arguments["directory"])) / "secrets")

    def _render(self, src, path):
        """The text of a template, rendered as by the module `template`."""
        try:
            source = self._find_needle("templates", src)
        except AnsibleError as error:
            raise SpecError([str(error)]) from None
        text = trust_as_template(self._loader.get_text_file_contents(source))
        templar = self._templar_for(os.path.dirname(source))
        rendered = templar.template(
            text, escape_backslashes=False, overrides={"trim_blocks": True, "lstrip_blocks": False}
        )
        return "" if rendered is None else str(rendered)

    def _templar_for(self, folder):
        """A templar for the templates of a folder and their includes; creating one takes longer than rendering."""
        if folder not in self._templars:
            paths = [*self._task_vars.get("ansible_search_path", []), self._loader.get_basedir(), folder]
            search = [path for base in paths for path in (os.path.join(base, "templates"), base)]
            self._templars[folder] = self._templar.copy_with_new_env(
                searchpath=search, available_variables=self._task_vars
            )
        return self._templars[folder]


def _message(error):
    return f"unknown argument {error.msg}" if isinstance(error, UnsupportedError) else error.msg


def _joined(earlier, plan):
    """The comparisons of two tasks of one role."""
    messages = [each["msg"] for each in (earlier, plan) if "msg" in each]
    if messages:
        return {"msg": "\n".join(messages)}
    return {"actions": [*earlier.get("actions", []), *plan["actions"]]}


def _bullets(problems):
    return "\n".join(f"* {problem}" for problem in problems)
