"""Check what one store holds. Documentation: plugins/modules/database_checks.py."""

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab import validate as checks
from cloudlab.stores import (
    clickhouse,
    clickhouse_server,
    elasticsearch,
    kafka,
    lazy_client,
    postgres,
    postgres_server,
    readiness,
)
from cloudlab.validate import clickhouse as clickhouse_checks
from cloudlab.validate import elasticsearch as elasticsearch_checks
from cloudlab.validate import kafka as kafka_checks
from cloudlab.validate import postgres as postgres_checks
from cloudlab.validate import redis as redis_checks

TEXT = {"type": "str", "required": True}
PORT = {"type": "int", "required": True}
ENTRIES = {"type": "list", "elements": "dict", "default": []}
STORES = {
    "postgres": {
        "port": PORT, "container": TEXT, "admin_user": TEXT, "admin_password": TEXT, "database": TEXT,
        "health_role": {"type": "str"}, "services": ENTRIES, "databases": ENTRIES, "extensions": ENTRIES,
    },
    "kafka": {"port": PORT, "container": TEXT, "topics": ENTRIES},
    "clickhouse": {
        "port": PORT, "container": TEXT, "user": TEXT, "password": TEXT, "database": TEXT,
        "databases": {"type": "list", "elements": "str", "default": []}, "tables": ENTRIES,
    },
    "elasticsearch": {
        "port": PORT, "container": TEXT, "user": {"type": "str"}, "password": {"type": "str"},
        "index_templates": ENTRIES, "indices": ENTRIES,
    },
    "redis": {"port": PORT, "container": TEXT, "password": TEXT},
}  # fmt: skip
ARGUMENTS = {store: {"type": "dict", "options": options} for store, options in STORES.items()}
HOST = "127.0.0.1"
WAIT_SECONDS = 5  # for a store that happens to be starting

# What is declared wrongly is an error of the play; what a store says is the outcome of a check.
DECLARATIONS = (postgres.DeclarationError, clickhouse.DeclarationError)
TROUBLE = (
    engine.EngineError,
    readiness.NotReadyError,
    readiness.NotYetError,
    postgres_server.ServerError,
    postgres_server.AdminRefusedError,
    clickhouse_server.ServerError,
    clickhouse_server.RefusedError,
    elasticsearch.ObjectsError,
    kafka.TopicsError,
)


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            argument_spec=ARGUMENTS, mutually_exclusive=[list(STORES)], required_one_of=[list(STORES)]
        )
        store = next(name for name in STORES if arguments.get(name))
        docker = lazy_client.LazyClient()
        try:
            # Whoever else listens on its port is not to be asked.
            if not lazy_client.is_running(docker, arguments[store]["container"]):
                raise readiness.NotReadyError(f"container {arguments[store]['container']} does not run")
            made, found = getattr(self, f"_{store}")(arguments[store], docker)
        except DECLARATIONS as error:
            raise AnsibleActionFail(str(error)) from None
        except TROUBLE as error:
            made, found = checks.unreachable(store, str(error)), None
        finally:
            docker.close()
        return result | {"changed": False, "store": store, "checks": checks.plain(made), "found": found}

    def _postgres(self, arguments, docker):
        want = postgres.desired(arguments)
        address = postgres_server.Address(HOST, arguments["port"], arguments["container"])
        server = postgres_server.Server(address, arguments["admin_user"], arguments["admin_password"], docker)
        try:
            state = self._wait(docker, arguments, lambda: server.answer(want.main.name))
            contents = postgres_server.find_state(server, want, state, locally=False)
            logins = {each.name: postgres_checks.log_in(address, docker, each, want) for each in want.services}
            found = postgres_checks.find(server, want, contents)
        finally:
            server.close()
        return postgres_checks.checks(want, state, contents, logins), found

    def _kafka(self, arguments, docker):
        declared = kafka.declare(arguments["topics"])
        address = f"{HOST}:{arguments['port']}"
        broker = kafka.Broker(address)
        partitions = self._wait(docker, arguments, lambda: broker.partitions(declared))
        found = kafka_checks.checks(declared, broker.topics(partitions, declared))
        return [*found, kafka_checks.round_trip(address)], {}

    def _clickhouse(self, arguments, docker):
        want = clickhouse.desired(arguments)
        server = clickhouse_server.Server(
            HOST, arguments["port"], arguments["container"], arguments["user"], arguments["password"]
        )
        try:
            state = self._wait(docker, arguments, lambda: server.state(want))
            found = clickhouse_checks.find(server, want, state)
        finally:
            server.close()
        return clickhouse_checks.checks(want, state), found

    def _elasticsearch(self, arguments, docker):
        declared = elasticsearch.declare(arguments["index_templates"], arguments["indices"])
        url = f"http://{HOST}:{arguments['port']}"
        server = elasticsearch.Server(url, arguments["user"], arguments["password"])
        self._wait(docker, arguments, server.ready)
        indices = server.indices()
        found = {"indices": {name: index.documents for name, index in indices.items()}}
        return elasticsearch_checks.checks(declared, server.state(declared), indices), found

    def _redis(self, arguments, _docker):
        return redis_checks.checks(HOST, arguments["port"], arguments["password"]), {}

    def _wait(self, docker, arguments, probe):
        return readiness.wait_until(docker, arguments["container"], probe, WAIT_SECONDS)
