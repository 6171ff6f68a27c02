"""Documents that are written from what the project declares."""

from __future__ import annotations

DOCUMENTATION = """
name: documents
short_description: The documents that are written from argument specs, defaults and catalogue
description:
  - Returns the reference of all settings and the tables of components as they have to stand in the project.
options:
  _terms:
    description: None.
"""

EXAMPLES = """
documents: "{{ query('documents') }}"
"""

RETURN = """
_raw:
  description: Each document's C(path) below the project's folder, and its C(content).
  type: list
  elements: dict
"""


from ansible.plugins.lookup import LookupBase

from cloudlab.docs import reference


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        return [{"path": path, "content": content} for path, content in reference.documents().items()]
