"""Wait until Redis answers. Documentation: plugins/modules/redis_server.py."""

from cloudlab.ansible.store_action import StoreAction
from cloudlab.stores import readiness

ARGUMENTS = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "required": True},
    "container": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "timeout": {"type": "float", "default": 60.0},
}


class ActionModule(StoreAction):
    STORE = "redis"
    ARGUMENTS = ARGUMENTS

    def converge(self, arguments):
        server = self.store.Server(arguments["host"], arguments["port"], arguments["password"])
        try:
            readiness.ask(arguments["container"], server.ready, arguments["timeout"], check_mode=self._task.check_mode)
        finally:
            server.close()
        return {"changed": False}
