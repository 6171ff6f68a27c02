"""Fill a shop platform with content. Documentation: plugins/modules/seed.py."""

from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from cloudlab.model import settings
from cloudlab.seeding import content, recipe
from cloudlab.seeding.apply import Seeding
from cloudlab.seeding.gateway import Account, Gateway, SeedError
from cloudlab.seeding.shop import Shop

ARGUMENTS = {
    "url": {"type": "str", "required": True},
    "platform": {"type": "str", "required": True},
    "size": {"type": "str", "required": True},
    "access": {"type": "dict", "required": True},
    "user_password": {"type": "str", "required": True},
    "threads": {"type": "int", "default": 8},
    "timeout": {"type": "float", "default": 60.0},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            return result | self._seed(arguments)
        except recipe.RecipeError as error:
            raise AnsibleActionFail("\n".join(error.problems)) from None
        except SeedError as error:
            raise AnsibleActionFail(f"{error}\nWhat was made stays; the next run goes on from there.") from None

    def _seed(self, arguments):
        platform = (settings.ROOT / Path(arguments["platform"]).expanduser()).resolve()
        words = recipe.read(platform)
        wanted = content.make(words, arguments["size"])
        if not arguments["url"]:
            raise SeedError("this environment has no gateway: nothing of the platform can be reached from outside.")
        gateway = Gateway(arguments["url"])
        admin = _administrator(gateway, words["administrator"], arguments["access"])
        seeding = Seeding(Shop(gateway, admin), wanted, arguments["user_password"], arguments["threads"], self._say)
        try:
            plan = seeding.plan()
            late = []
            if not plan.empty and not self._task.check_mode:
                before = seeding.shop.heard()
                seeding.apply(plan)
                late = seeding.settle(before, arguments["timeout"])
        finally:
            admin.close()
        made = plan.counts() if self._task.check_mode else {kind: seeding.made[kind] for kind in plan.counts()}
        self._summary(arguments["size"], wanted.counts(), made, seeding.outcomes)
        return {
            "changed": any(made.values()),
            "size": arguments["size"],
            "content": wanted.counts(),
            "made": made,
            "outcomes": dict(seeding.outcomes),
            "waits": gateway.waits,
            "warnings": [f"{text}: they are still behind after {arguments['timeout']:g} s." for text in late],
        }

    def _summary(self, size, counts, made, outcomes):
        whole = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        self._say(f"The size {size} holds {whole}.")
        new = ", ".join(f"{count} {kind}" for kind, count in made.items() if count)
        verb = "Would be made" if self._task.check_mode else "Made"
        self._say(f"{verb}: {new}." if new else "All of it is there; nothing was made.")
        if outcomes:
            self._say(f"Orders: {', '.join(f'{count} {state}' for state, count in sorted(outcomes.items()))}.")

    def _say(self, text):
        # The worker's display reaches the terminal at once.
        self._display.display(f"       {text}")


def _administrator(gateway, service, access):
    login = access.get(service) or {}
    if not login.get("user") or not login.get("password"):
        raise SeedError(
            f"{recipe.FILE} names {service} as the administrator's service, but there is no login for it. Give the "
            "service an `access` with user and password in cloudlab.yml, and bring it up: --tags "
            f"{service}"
        )
    return Account(gateway, login["user"], login["password"])
