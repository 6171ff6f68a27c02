"""Add a host with placeholders for settings. Documentation: plugins/modules/export_reading.py."""

import sys

from ansible.plugins.action import ActionBase

from cloudlab.compose import placeholders
from cloudlab.model import settings

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "group": {"type": "str", "required": True},
    "hostile": {"type": "bool", "required": True},
    "hot_reload": {"type": "bool", "required": True},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = {
            **placeholders.values(settings.spec(task_vars), arguments["hostile"]),
            "hot_reload_enabled": arguments["hot_reload"],
            # Settings of the playbooks that do not apply to Compose.
            "port_offset": 0,
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
        }
        # Only Ansible's own action can add a host with every supported version of Ansible.
        task = self._task.copy()
        task.args = variables | {"name": arguments["name"], "groups": [arguments["group"]]}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.add_host",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return result | action.run(task_vars=task_vars) | {"changed": False}
