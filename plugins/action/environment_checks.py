"""Check a running environment. Documentation: plugins/modules/environment_checks.py."""

import time

import requests
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from docker.errors import DockerException

from cloudlab import engine
from cloudlab.engine import causes
from cloudlab.gateway import model
from cloudlab.model import checks
from cloudlab.observe.logs import lines
from cloudlab.validate import environment, logs

ARGUMENTS = {
    "environment": {"type": "dict", "required": True},
    "plans": {"type": "dict", "required": True},
    "gateway_config": {"type": "dict", "default": {}},
    "jwt_service": {"type": "str", "default": ""},
    "access": {"type": "dict", "default": {}},
    "expected_errors": {"type": "list", "elements": "dict", "default": []},
    "since": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            request = self._request(arguments)
            docker = engine.connect()
            try:
                made = environment.run(docker.client, request)
            finally:
                docker.close()
        except (engine.EngineError, logs.PatternError, ValueError) as error:
            raise AnsibleActionFail(str(error)) from None
        except (DockerException, requests.RequestException) as error:
            raise AnsibleActionFail(f"The checks could not be completed: {causes.explain(error)}.") from None
        return result | {"changed": False, "checks": checks.plain(made)}

    def _request(self, arguments):
        context = arguments["environment"]
        configuration = arguments["gateway_config"]
        return environment.Request(
            environment=context,
            # Components that are not selected have no plan.
            plans={name: plan for name, plan in arguments["plans"].items() if not plan.get("skipped")},
            configuration=configuration if "files" in configuration else None,
            routes=model.routes(model.from_catalogue(context["catalogue"]), arguments["jwt_service"]),
            access=arguments["access"],
            expected=logs.expected(arguments["expected_errors"]),
            since=lines.moment(arguments["since"], time.time()) if arguments["since"] else 0,
        )
