"""Follow the seeding of a platform until it ends. Documentation: plugins/modules/seed.py."""

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.services import seeding


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec={"container": {"type": "str", "required": True}})
        try:
            # Between two lines of progress there may be minutes.
            connection = engine.connect(timeout=None)
            try:
                return result | seeding.follow(connection.client, arguments["container"], self._say)
            finally:
                connection.close()
        except (seeding.SeedingError, engine.EngineError) as error:
            raise AnsibleActionFail(str(error)) from None

    def _say(self, text):
        # The worker's display reaches the terminal at once.
        self._display.display(f"       {text}")
