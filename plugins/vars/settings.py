"""Read the settings from `.env` at the root of the project, and from the process environment, which wins."""

from __future__ import annotations

DOCUMENTATION = """
name: settings
short_description: Read the project's settings from .env and the process environment
description:
  - The settings are those that the preflight role's argument specs describe under C(settings), and those that the
    selected platform declares. Each can be set in C(.env) under its upper-case name. A variable of the process
    environment wins over C(.env), extra variables win over both, and all of them win over C(group_vars).
  - An unknown key or a value of the wrong type ends the run with the file, the line and the nearest valid name.
  - Command-line options that would skip tasks on which a run depends (C(--start-at-task), C(--skip-tags)) are rejected
    here too, because Ansible alone would do nothing, or half of the work, and report success.
options:
  stage:
    description: When Ansible asks this plugin; see C(ansible-doc -t vars host_group_vars).
    choices: [all, inventory, task]
    ini:
      - {key: stage, section: vars_settings}
    env:
      - {name: CLOUDLAB_VARS_STAGE}
"""

import os

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.vars import BaseVarsPlugin

from cloudlab.ansible import commandline
from cloudlab.model import settings


class VarsModule(BaseVarsPlugin):
    """Variables of the group `all`. Ansible calls it many times in a run; it reads the file once."""

    # Called in the order of vars_plugins_enabled: after group_vars, so that settings override them.
    REQUIRES_ENABLED = True

    _values: dict | None = None

    def get_vars(self, loader, path, entities, cache=True):
        super().get_vars(loader, path, entities)
        if not any(getattr(entity, "name", None) == "all" for entity in _as_list(entities)):
            return {}
        if VarsModule._values is None:
            if problem := commandline.problem(context.CLIARGS):
                raise AnsibleError(problem)
            try:
                VarsModule._values = settings.load(os.environ)
            except settings.SettingsError as error:
                raise AnsibleError("The settings cannot be used:\n" + _bullets(error.problems)) from None
        return dict(VarsModule._values)


def _as_list(entities):
    return entities if isinstance(entities, list) else [entities]


def _bullets(problems):
    return "\n".join(f"  - {problem}" for problem in problems)
