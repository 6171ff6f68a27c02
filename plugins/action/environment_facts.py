"""The first task of every play: run the preflight checks, acquire the lock, and gather facts.

Documentation: plugins/modules/environment_facts.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from ansible.errors import AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.ansible import rolespecs as role_arguments
from cloudlab.compose import offline
from cloudlab.engine import lock, state
from cloudlab.gateway import model
from cloudlab.lifecycle import preflight
from cloudlab.model import (
    catalogue,
    declarations,
    environment,
    platform,
    rolespecs,
    schema,
    settings,
    sizes,
)


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
                "neighbours": {"type": "bool", "default": True},
                "lock": {"type": "bool", "default": False},
                "checks": {"type": "bool", "default": True},
                "mode": modes.ARGUMENT,
            }
        )
        values = self._values(task_vars)
        # Placeholders are valid settings.
        problems = [] if options["mode"] == modes.DESCRIBE else settings.check(values)
        problems, chosen, excluded = self._configuration(values, task_vars, problems)
        if options["mode"] == modes.DESCRIBE:
            if problems:
                return result | {"failed": True, "msg": _message(problems)}
            names = platform.setting_names(values)
            return result | {"changed": False} | offline.describe(values, chosen, names, excluded)
        try:
            facts, objects = state.gather(engine.connect())
        except engine.EngineError as error:
            return result | {"failed": True, "msg": _message([*problems, str(error)])}
        if problems:
            return result | {"failed": True, "msg": _message(problems)}
        complete = not set(task_vars.get("ansible_run_tags", [])) - catalogue.ANSIBLE_TAGS
        names = platform.setting_names(values)
        context = environment.describe(settings.ROOT, values, chosen, objects, facts, complete, names, excluded)
        warnings = []
        if options["checks"]:
            needs = {
                "memory": sizes.parse(options["memory_min"]),
                "disk": sizes.parse(options["disk_min"]),
                "map_count": options["map_count_min"],
                "neighbours": options["neighbours"],
            }
            findings = preflight.inspect(context, objects, needs)
            if errors := [str(finding) for finding in findings if finding.level == preflight.ERROR]:
                return result | {"failed": True, "msg": _message(errors)}
            warnings = [str(finding) for finding in findings]
        if options["lock"] and not self._task.check_mode:
            try:
                # The task runs in a worker that exits with it, so the lock belongs to its parent process, the run.
                lock.acquire(Path(context["directory"]) / "lock", os.getppid())
            except lock.LockedError as error:
                return result | {"failed": True, "msg": str(error)}
        return result | {"changed": False, "warnings": warnings} | context

    def _values(self, task_vars):
        """The variables that the checks read, with templates resolved."""
        names = [*settings.own(), *_platform_settings(task_vars), "catalogue", "networks", "images", "profiles"]
        values = {name: self._templar.template(task_vars[name]) for name in names if name in task_vars}
        for name in rolespecs.names(_roles()) & task_vars.keys():
            try:
                values[name] = self._templar.template(task_vars[name])
            except AnsibleUndefinedVariable:
                # Some defaults depend on results of later tasks.
                continue
        return values

    def _platform(self, values):
        """The catalogue of `values`, completed by the settings and the platform's services, and its problems."""
        try:
            complete = platform.complete(values["catalogue"], values)
            seen = platform.chosen(os.environ)
        except (catalogue.CatalogueError, platform.PlatformError) as error:
            return None, error.problems
        if complete.components.keys() != seen.components.keys():
            # The tags of the play were computed before extra variables were known.
            return None, [
                "PLATFORM_SRC, PLATFORM_CATALOGUE, KAFKA_MODE and the catalogue cannot be set with -e. Set them in "
                ".env, in the process environment or in group_vars/all/, which are read before the tags of the play "
                "are computed."
            ]
        return complete, model.problems(model.from_catalogue(complete.components), values["gateway_jwt_service"])

    def _configuration(self, values, task_vars, problems):
        """`problems` and those of roles and catalogue; if there are none, the chosen and the excluded components.

        Completes the catalogue of `values`.
        """
        problems = problems + role_arguments.problems(_roles(), values)
        problems += schema.problems(
            {key: values[key] for key in ("catalogue", "networks", "images")}, declarations.Catalogue
        )
        complete = None
        if not problems:
            complete, problems = self._platform(values)
        if complete is None or problems:
            return problems, [], {}
        values["catalogue"] = complete.components
        roles = [role.name for role in _roles()]
        known = [*settings.own(), *_platform_settings(values)]
        if problems := catalogue.problems(values["catalogue"], values["networks"], values["images"], known, roles):
            return problems, [], {}
        try:
            chosen = catalogue.choose(
                values["catalogue"],
                values["profiles"],
                values["cloudlab_profile"],
                task_vars.get("ansible_run_tags", []),
                complete.excluded,
            )
        except catalogue.CatalogueError as error:
            return error.problems, [], {}
        # The ports of all components, so that a later run with other tags does not collide with this one.
        ports = catalogue.host_ports(values["catalogue"], values["catalogue"], values)
        return catalogue.port_problems(ports), chosen, complete.excluded


def _platform_settings(values):
    """The names of the settings that the platform adds; `settings.check` reports a description that cannot be read."""
    try:
        return settings.of_platform(values)
    except platform.PlatformError:
        return []


def _roles():
    """The directories of all roles."""
    return sorted(path for path in (settings.ROOT / "roles").iterdir() if path.is_dir())


def _message(problems):
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    return "\n".join([f"Preflight failed: {count}. Nothing was changed.", *(f"  - {problem}" for problem in problems)])
