"""Wait until Redis answers. Documentation: plugins/modules/redis_server.py."""

from cloudlab.ansible.store_action import ADDRESS, StoreAction

ARGUMENTS = {
    **ADDRESS,
    "password": {"type": "str", "required": True, "no_log": True},
}


class ActionModule(StoreAction):
    STORE = "redis"
    ARGUMENTS = ARGUMENTS

    def converge(self, arguments):
        server = self.store.Server(arguments["host"], arguments["port"], arguments["password"])
        try:
            self.ask(arguments, server.ready)
        finally:
            server.close()
        return {"changed": False}
