"""Report the results of all checks. Documentation: plugins/modules/validation_report.py."""

from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab.model import checks as outcomes
from cloudlab.model import platform as declarations
from cloudlab.model import settings
from cloudlab.services import seeding
from cloudlab.validate import formats, platform

ARGUMENTS = {
    "environment": {"type": "dict", "required": True},
    "platform": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "results": {"type": "list", "elements": "dict", "required": True},
    "seeded": {"type": "str", "default": ""},
    "format": {"type": "str", "choices": list(formats.FORMATS), "default": "table"},
    "output": {"type": "path", "default": ""},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            checks = self._checks(arguments, task_vars)
        except platform.ExpectationError as error:
            raise AnsibleActionFail("\n".join(error.problems)) from None
        except seeding.SeedingError as error:
            raise AnsibleActionFail(str(error)) from None
        # The worker's display prints at once, and is readable with every output callback.
        self._display.display(f"\n{formats.table(checks)}\n\n{formats.summary(checks)}\n")
        if arguments["output"]:
            try:
                Path(arguments["output"]).write_text(
                    formats.FORMATS[arguments["format"]](checks) + "\n", encoding="utf-8"
                )
            except OSError as error:
                raise AnsibleActionFail(f"{arguments['output']} cannot be written: {error.strerror}.") from None
        result |= {"changed": False, "checks": outcomes.plain(checks)}
        if message := formats.failure_message(checks):
            return result | {"failed": True, "msg": message}
        return result

    def _checks(self, arguments, values):
        """All checks, grouped by area."""
        environment = arguments["environment"]
        folder = (settings.ROOT / Path(arguments["platform"]).expanduser()).resolve()
        entries = {name: environment["catalogue"][name] for name in environment["chosen"]}
        containers = {name: entry["container"] for name, entry in environment["components"].items()}
        size = arguments["seeded"]
        counts = seeding.size_of(declarations.seed(values), size) if size else {}
        expected = platform.read(folder, environment["catalogue"], environment["excluded"])
        # Components that are not selected have no result, and stores that do not respond have no contents.
        results = [each for each in arguments["results"] if "checks" in each]
        found = {each["store"]: each["found"] for each in results if each.get("found") is not None}
        checks = [outcomes.Check(**check) for each in results for check in each["checks"]]
        checks += platform.checks(expected, found, entries, containers, arguments["database"])
        checks += platform.seeded(expected, found, entries, size, counts)
        areas = list(dict.fromkeys(check.area for check in checks))
        return sorted(checks, key=lambda check: areas.index(check.area))
