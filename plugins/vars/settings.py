"""The user's settings: `.env` in the project, overridden by the process environment."""

from __future__ import annotations

DOCUMENTATION = """
name: settings
short_description: Read the project's settings from .env and the process environment
description:
  - Each variable in the argument spec C(settings) of the role preflight, and each setting that the selected platform
    declares, can be set in C(.env) by its upper-case name.
    Precedence, highest first - extra variables, process environment, C(.env), C(group_vars).
  - An unknown key or a value of the wrong type is an error with the file, the line and the nearest valid name.
  - Rejects the options C(--start-at-task) and C(--skip-tags), which would skip required tasks and report success.
options:
  stage:
    description: When Ansible calls this plugin; see C(ansible-doc -t vars host_group_vars).
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
    """Returns the settings for the group `all`. Ansible calls it many times; the file is read once."""

    # Called in the order of vars_plugins_enabled: after group_vars, which it overrides.
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
                raise AnsibleError("Invalid settings. Nothing was changed.\n" + _bullets(error.problems)) from None
        return dict(VarsModule._values)


def _as_list(entities):
    return entities if isinstance(entities, list) else [entities]


def _bullets(problems):
    return "\n".join(f"  - {problem}" for problem in problems)
