"""Generated secrets."""

from __future__ import annotations

DOCUMENTATION = """
name: secret
short_description: A generated secret of this instance
description:
  - Returns the content of the file C(<directory>/secrets/<name>). If it does not exist, generates 32 random letters and
    digits and stores them there, readable by their owner only.
  - For an environment that Docker Compose started, returns the value in its C(.env) instead.
  - In check mode, a generated value is not stored.
options:
  _terms:
    description: Names of secrets.
    required: true
  directory:
    description: The instance's directory.
    type: str
    required: true
"""

EXAMPLES = """
password: "{{ lookup('secret', 'postgres_order', directory=cloudlab.directory) }}"
"""

RETURN = """
_raw:
  description: The secrets.
  type: list
  elements: str
"""

import os
from pathlib import Path

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from cloudlab.compose import placeholders
from cloudlab.model import secrets, settings


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        if self.get_option("directory") == placeholders.DIRECTORY:
            return [placeholders.secret(term) for term in terms]
        variables = variables or {}
        if variables.get("cloudlab", {}).get("composed"):
            told = settings.compose_variables(os.environ)
            return [placeholders.told_secret(term, told) for term in terms]
        directory = Path(self.get_option("directory")) / "secrets"
        keep = not variables.get("ansible_check_mode", False)
        try:
            return [secrets.secret(directory, term, keep) for term in terms]
        except secrets.SecretError as error:
            raise AnsibleLookupError(str(error)) from None
