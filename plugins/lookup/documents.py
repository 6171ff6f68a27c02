"""Generated documents."""

from __future__ import annotations

DOCUMENTATION = """
name: documents
short_description: Generate the documents from argument specs, defaults and the catalogue
description:
  - Returns the reference of all settings and the tables of components.
options:
  _terms:
    description: None.
"""

EXAMPLES = """
documents: "{{ query('documents') }}"
"""

RETURN = """
_raw:
  description: C(path) of each document in the project, and its C(content).
  type: list
  elements: dict
"""


from ansible.plugins.lookup import LookupBase

from cloudlab.docs import reference


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        return [{"path": path, "content": content} for path, content in reference.documents().items()]
