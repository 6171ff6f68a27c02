"""Determine what a reset would remove. Documentation: plugins/modules/reset_plan.py."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.engine import state
from cloudlab.lifecycle import reset
from cloudlab.model import environment, settings


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            argument_spec={
                "instance": {"type": "str", "required": True},
                "catalogue": {"type": "dict", "required": True},
                "level": {"type": "str", "required": True},
                "components": {"type": "list", "elements": "str", "default": []},
                "excluded": {"type": "dict", "default": {}},
            }
        )
        try:
            _, objects = state.gather(engine.connect())
            plan = reset.plan(
                options["level"],
                options["components"],
                options["catalogue"],
                options["instance"],
                objects,
                options["excluded"],
            )
        except engine.EngineError as error:
            return result | {"failed": True, "msg": str(error)}
        except reset.ResetError as error:
            return result | {"failed": True, "msg": "Nothing was removed.\n" + str(error)}
        # The lock of this run does not count as a generated file.
        directory = environment.directory(settings.ROOT, options["instance"])
        plan["directory"] &= directory.is_dir() and any(entry.name != "lock" for entry in directory.iterdir())
        return result | {"changed": False, **plan}
