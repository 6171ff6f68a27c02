"""The first task of every play: check everything, take the lock, and describe the environment."""

from __future__ import annotations

import os
from pathlib import Path

from ansible.errors import AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.ansible import rolespecs as specs_check
from cloudlab.compose import sketch
from cloudlab.engine import lock
from cloudlab.engine import state as stock
from cloudlab.gateway import model
from cloudlab.lifecycle import preflight
from cloudlab.model import catalogue, environment, platform, rolespecs, settings, sizes


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            argument_spec={
                "memory_min": {"type": "str", "default": "0"},
                "disk_min": {"type": "str", "default": "0"},
                "map_count_min": {"type": "int", "default": 0},
                "lock": {"type": "bool", "default": False},
                "checks": {"type": "bool", "default": True},
                "mode": modes.ARGUMENT,
            }
        )
        values = self._values(task_vars)
        # Placeholders stand for settings that fit.
        problems = [] if options["mode"] == modes.DESCRIBE else settings.check(values)
        problems, chosen = self._configuration(values, task_vars, problems)
        if options["mode"] == modes.DESCRIBE:
            if problems:
                return result | {"failed": True, "msg": _message(problems)}
            return result | {"changed": False} | sketch.describe(values, chosen, platform.setting_names(values))
        try:
            facts, holdings = stock.take(engine.connect())
        except engine.EngineError as error:
            return result | {"failed": True, "msg": _message([*problems, str(error)])}
        if problems:
            return result | {"failed": True, "msg": _message(problems)}
        complete = not set(task_vars.get("ansible_run_tags", [])) - catalogue.ANSIBLE_TAGS
        names = platform.setting_names(values)
        picture = environment.describe(settings.ROOT, values, chosen, holdings, facts, complete, names)
        warnings = []
        if options["checks"]:
            needs = {
                "memory": sizes.parse(options["memory_min"]),
                "disk": sizes.parse(options["disk_min"]),
                "map_count": options["map_count_min"],
            }
            findings = preflight.inspect(picture, holdings, needs)
            if errors := [str(finding) for finding in findings if finding.level == preflight.ERROR]:
                return result | {"failed": True, "msg": _message(errors)}
            warnings = [str(finding) for finding in findings]
        if options["lock"] and not self._task.check_mode:
            try:
                # The worker that runs this task ends with it; the lock belongs to the run, its parent process.
                lock.acquire(Path(picture["directory"]) / "lock", os.getppid())
            except lock.LockedError as error:
                return result | {"failed": True, "msg": str(error)}
        return result | {"changed": False, "warnings": warnings} | picture

    def _values(self, task_vars):
        """The variables that this plugin reads, with templates resolved."""
        names = [*settings.own(), *_platform_settings(task_vars), "catalogue", "networks", "images", "profiles"]
        values = {name: self._templar.template(task_vars[name]) for name in names if name in task_vars}
        for name in rolespecs.names(_roles()) & task_vars.keys():
            try:
                values[name] = self._templar.template(task_vars[name])
            except AnsibleUndefinedVariable:
                # It rests on what only comes to be in this run, as some roles' defaults do.
                continue
        return values

    def _platform(self, values):
        """Add the platform's services to the catalogue of `values`; what is wrong with them."""
        try:
            complete = platform.complete(values["catalogue"], values)
            seen = platform.chosen(os.environ)
        except platform.PlatformError as error:
            return error.problems
        values["catalogue"] = complete
        if complete.keys() != seen.keys():
            # Tags were computed from it before extra variables counted.
            return [
                "PLATFORM_SRC, PLATFORM_CATALOGUE or the catalogue were set with -e. Set them in .env, in the process "
                "environment or in group_vars/all/, where the play sees them before it begins."
            ]
        return model.problems(model.from_catalogue(complete), values["gateway_jwt_service"])

    def _configuration(self, values, task_vars, problems):
        """`problems` and what is wrong with roles and catalogue; the chosen components when nothing is."""
        problems = problems + specs_check.problems(_roles(), values)
        problems += catalogue.invalid({key: values[key] for key in ("catalogue", "networks", "images")})
        problems += self._platform(values) if not problems else []
        if problems:
            return problems, []
        roles = [role.name for role in _roles()]
        known = [*settings.own(), *_platform_settings(values)]
        if problems := catalogue.problems(values["catalogue"], values["networks"], values["images"], known, roles):
            return problems, []
        try:
            chosen = catalogue.choose(
                values["catalogue"],
                values["profiles"],
                values["cloudlab_profile"],
                task_vars.get("ansible_run_tags", []),
            )
        except catalogue.CatalogueError as error:
            return error.problems, []
        # All components' ports, chosen or not: a second run with other tags must not collide with this one.
        ports = catalogue.host_ports(values["catalogue"], values["catalogue"], values)
        return catalogue.port_problems(ports), chosen


def _platform_settings(values):
    """The names of the settings that the platform adds; `settings.check` reports a description that cannot be read."""
    try:
        return settings.of_platform(values)
    except platform.PlatformError:
        return []


def _roles():
    """The folders of all roles."""
    return sorted(path for path in (settings.ROOT / "roles").iterdir() if path.is_dir())


def _message(problems):
    return "Nothing was changed. Please mend this first:\n" + "\n".join(f"  - {problem}" for problem in problems)
