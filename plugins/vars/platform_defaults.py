"""Read the defaults of the settings that the selected platform declares."""

from __future__ import annotations

DOCUMENTATION = """
name: platform_defaults
short_description: Read the defaults of the platform's settings from its description
description:
  - Sets the default of each setting that the platform's C(cloudlab.yml) declares. It is enabled before C(group_vars),
    so that C(group_vars), C(.env), the process environment and extra variables override the defaults.
options:
  stage:
    description: When Ansible calls this plugin; see C(ansible-doc -t vars host_group_vars).
    choices: [all, inventory, task]
    default: inventory
    ini:
      - {key: stage, section: vars_platform_defaults}
    env:
      - {name: CLOUDLAB_PLATFORM_DEFAULTS_STAGE}
"""

import os

from ansible.errors import AnsibleError
from ansible.plugins.vars import BaseVarsPlugin

from cloudlab.model import settings
from cloudlab.model.description import PlatformError


class VarsModule(BaseVarsPlugin):
    """Variables of the group `all`. Ansible calls it many times in a run; it reads the description once."""

    # Called in the order of vars_plugins_enabled.
    REQUIRES_ENABLED = True

    _values: dict | None = None

    def get_vars(self, loader, path, entities, cache=True):
        super().get_vars(loader, path, entities)
        if not any(getattr(entity, "name", None) == "all" for entity in _as_list(entities)):
            return {}
        if VarsModule._values is None:
            try:
                VarsModule._values = settings.platform_defaults(os.environ)
            except (settings.SettingsError, PlatformError) as error:
                raise AnsibleError(
                    "The settings cannot be used:\n" + "\n".join(f"  - {p}" for p in error.problems)
                ) from None
        return dict(VarsModule._values)


def _as_list(entities):
    return entities if isinstance(entities, list) else [entities]
