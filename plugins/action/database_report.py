"""Tell what the checks of the stores found. Documentation: plugins/modules/database_report.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab import checks as outcomes
from cloudlab import settings
from cloudlab.checks import platform, table
from cloudlab.seeding import content, recipe

ARGUMENTS = {
    "environment": {"type": "dict", "required": True},
    "platform": {"type": "str", "required": True},
    "database": {"type": "str", "required": True},
    "results": {"type": "list", "elements": "dict", "required": True},
    "seeded": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            checks = self._checks(arguments)
        except (platform.ExpectationError, recipe.RecipeError) as error:
            raise AnsibleActionFail("\n".join(error.problems)) from None
        # The worker's display reaches the terminal at once, and stays readable with every output callback.
        self._display.display(f"\n{table.table(checks)}\n\n{table.summary(checks)}\n")
        result |= {"changed": False, "checks": outcomes.plain(checks)}
        if failures := table.failures(checks):
            text = "The stores do not hold all that they should:\n" + "\n".join(failures)
            return result | {"failed": True, "msg": text}
        return result

    def _checks(self, arguments):
        """All checks, those of one store together."""
        environment = arguments["environment"]
        folder = (settings.ROOT / Path(arguments["platform"]).expanduser()).resolve()
        entries = {name: environment["catalogue"][name] for name in environment["chosen"]}
        containers = {name: entry["container"] for name, entry in environment["components"].items()}
        size = arguments["seeded"]
        counts = content.make(recipe.read(folder), size).counts() if size else {}
        expected = platform.read(folder, environment["catalogue"])
        # A component that is not chosen has no result, and a store that cannot be asked has found nothing.
        results = [each for each in arguments["results"] if "checks" in each]
        found = {each["store"]: each["found"] for each in results if each["found"] is not None}
        checks = [outcomes.Check(**check) for each in results for check in each["checks"]]
        checks += platform.checks(expected, found, entries, containers, arguments["database"])
        checks += platform.seeded(expected, found, size, counts)
        order = [each["store"] for each in results]
        return sorted(checks, key=lambda check: order.index(check.store))
