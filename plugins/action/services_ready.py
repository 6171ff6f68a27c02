"""Wait for a platform's services. Documentation: plugins/modules/services_ready.py."""

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.engine.waiting import Watcher
from cloudlab.services import outcome

ARGUMENTS = {
    "instance": {"type": "str", "required": True},
    "specs": {"type": "list", "elements": "dict", "required": True},
    "builder": {"type": "str", "default": ""},
    "failures": {"type": "dict", "default": {}},
    "build_timeout": {"type": "float", "default": 900.0},
    "start_timeout": {"type": "float", "default": 120.0},
    "mode": modes.ARGUMENT,
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if arguments["mode"] == modes.DESCRIBE:
            return result | {"changed": False, "surplus": [], "ready": [], "failed_components": {}}
        services = outcome.services(arguments["specs"])
        try:
            with engine.connect() as connected:
                surplus = outcome.surplus(connected, arguments["instance"], services)
                verdicts = {} if self._task.check_mode else self._wait(connected, services, arguments)
        except (engine.EngineError, outcome.BuilderError) as error:
            raise AnsibleActionFail(str(error)) from None
        verdicts |= {name: outcome.Verdict(outcome.NOT_BUILT, output) for name, output in arguments["failures"].items()}
        return result | {
            "changed": False,
            "surplus": surplus,
            "ready": sorted(name for name, verdict in verdicts.items() if verdict),
            "failed_components": outcome.failed(verdicts),
        }

    def _wait(self, connected, services, arguments):
        return outcome.Waiting(
            connected,
            arguments["builder"],
            services,
            arguments["build_timeout"],
            arguments["start_timeout"],
            Watcher(connected.client),
        ).run()
