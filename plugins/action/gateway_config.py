"""Converge the API gateway's configuration. Documentation: plugins/modules/gateway_config.py."""

from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.compose import described
from cloudlab.gateway import config, envoy, live, model

ARGUMENTS = {
    "instance": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "container": {"type": "str", "required": True},
    "image": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "port": {"type": "int", "default": 8080},
    "timeout": {"type": "str", "default": "15s"},
    "retries": {"type": "int", "default": 2},
    "tracing_endpoint": {"type": "str", "default": ""},
    "tracing_sampling": {"type": "int", "default": 100},
    "jwt": {
        "type": "dict",
        "required": True,
        "options": {
            "service": {"type": "str", "default": ""},
            "path": {"type": "str", "default": "/.well-known/jwks.json"},
            "issuer": {"type": "str", "default": ""},
            "audiences": {"type": "list", "elements": "str", "default": []},
            "cache": {"type": "str", "default": "1m"},
            "clock_skew": {"type": "int", "default": 5},
            "claims": {"type": "dict", "default": {}},
        },
    },
    "cors": {
        "type": "dict",
        "required": True,
        "options": {
            "origins": {"type": "list", "elements": "str", "default": []},
            "allow_headers": {"type": "list", "elements": "str", "default": []},
            "expose_headers": {"type": "list", "elements": "str", "default": []},
            "max_age": {"type": "int", "default": 600},
        },
    },
    "mode": modes.ARGUMENT,
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        connection = _Connection()
        try:
            gateway = model.read(arguments["services"], _settings(arguments))
            target = live.Target(
                arguments["instance"], Path(arguments["directory"]), arguments["container"], arguments["image"]
            )
            if arguments["mode"] == modes.DESCRIBE:
                return result | self._describe(gateway, target, task_vars)
            comparing = arguments["mode"] == modes.COMPARE
            outcome = live.converge(gateway, target, connection.open, comparing or self._task.check_mode)
        except model.GatewayError as error:
            raise AnsibleActionFail("\n".join(error.problems)) from None
        except (envoy.EnvoyError, engine.EngineError) as error:
            raise AnsibleActionFail(str(error)) from None
        finally:
            connection.close()
        report = self._report(gateway, target, outcome)
        return result | (report | modes.compare(task_vars, gateway=report) if comparing else report)

    def _describe(self, gateway, target, task_vars):
        """The files never change while the gateway runs, so one version is enough."""
        folder = str(target.folder)
        described_result = modes.describe(task_vars, folders={folder: config.live_files(gateway, described.FACT)})
        return described_result | {"bootstrap": config.bootstrap(gateway), "folder": folder}

    def _report(self, gateway, target, outcome):
        report = {
            "changed": outcome.changed,
            "live": outcome.live,
            "bootstrap": config.bootstrap(gateway),
            "folder": str(target.folder),
            "files": sorted(outcome.after),
        }
        if outcome.warnings:
            report["warnings"] = outcome.warnings
        if self._task.diff:
            report["diff"] = [
                {
                    "before_header": name,
                    "after_header": name,
                    "before": outcome.before[name] or "",
                    "after": outcome.after[name],
                }
                for name in sorted(outcome.after)
            ]
        return report


class _Connection:
    """The engine; the connection is opened on first use."""

    def __init__(self):
        self._engine = None

    def open(self):
        self._engine = engine.connect()
        return self._engine.client

    def close(self):
        if self._engine:
            self._engine.close()


def _settings(arguments):
    """The settings of all routes. Raises GatewayError."""
    jwt, cors = arguments["jwt"], arguments["cors"]
    try:
        timeout, cache = model.seconds(arguments["timeout"]), model.seconds(jwt["cache"])
    except ValueError as error:
        raise model.GatewayError([f"the gateway's settings: {error}"]) from None
    return model.Settings(
        instance=arguments["instance"],
        port=arguments["port"],
        timeout=timeout,
        retries=arguments["retries"],
        jwt=model.Jwt(**{**jwt, "audiences": tuple(jwt["audiences"]), "cache": cache}),
        cors=model.Cors(
            origins=tuple(cors["origins"]),
            allow_headers=tuple(cors["allow_headers"]),
            expose_headers=tuple(cors["expose_headers"]),
            max_age=cors["max_age"],
        ),
        tracing=arguments["tracing_endpoint"],
        sampling=arguments["tracing_sampling"],
    )
