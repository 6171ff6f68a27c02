"""Create volumes, or remove volumes and networks, in one task. Documentation: plugins/modules/engine_objects.py."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.engine import objects

NAMED = {"name": {"type": "str", "required": True}}
ARGUMENTS = {
    "volumes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": NAMED | {"labels": {"type": "dict", "default": {}}},
    },
    "networks": {"type": "list", "elements": "dict", "default": [], "options": NAMED},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        networks, volumes = arguments["networks"], arguments["volumes"]
        if self._task.check_mode:
            named = [f"network {item['name']}" for item in networks] + [f"volume {item['name']}" for item in volumes]
            return result | {"changed": bool(named), "objects": named}
        try:
            client = engine.connect().client
            if arguments["state"] == "present":
                done = objects.create(client, volumes)
            else:
                done = objects.remove(client, [item["name"] for item in networks], [item["name"] for item in volumes])
        except (engine.EngineError, objects.ObjectsError) as error:
            return result | {"failed": True, "msg": str(error)}
        return result | {"changed": bool(done), "objects": done}
