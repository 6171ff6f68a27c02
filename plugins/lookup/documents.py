"""Documents that are generated from the project's declarations."""

from __future__ import annotations

DOCUMENTATION = """
name: documents
short_description: The documents that are generated from argument specs, defaults, catalogue and types
description:
  - Returns the settings reference, the component tables and the JSON Schemas, as they must be in the project.
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
