"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reset_plan
short_description: Work out what a reset would remove
description:
  - Lists the containers, volumes and networks of an instance that a reset of a certain level removes. Nothing is
    removed, and nothing that does not carry the instance's label is ever listed.
options:
  instance:
    description: Name of the instance.
    type: str
    required: true
  catalogue:
    description: The catalogue of components.
    type: dict
    required: true
  level:
    description:
      - C(component) lists containers, C(data) their volumes as well (and those of components whose data is worthless
        without them), C(everything) all that the instance has.
    type: str
    choices: [component, data, everything]
    required: true
  components:
    description: Components of the levels C(component) and C(data).
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Only looks, in any mode.
    support: full
"""

EXAMPLES = r"""
- name: Work out what to remove
  reset_plan:
    instance: "{{ cloudlab.instance }}"
    catalogue: "{{ catalogue }}"
    level: data
    components: [postgres]
  register: plan
"""

RETURN = r"""
containers: {description: "Names of containers, those that need others first.", type: list, returned: success}
volumes: {description: Names of volumes., type: list, returned: success}
networks: {description: Names of networks., type: list, returned: success}
directory: {description: Whether the generated files go as well., type: bool, returned: success}
"""
