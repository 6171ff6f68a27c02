"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reset_plan
short_description: Determine what a reset would remove
description:
  - Lists the containers, volumes and networks of an instance that a reset of a level removes. Nothing is removed, and
    only objects with the instance's label are listed.
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
      - C(component) lists containers, C(data) also the volumes that they use with the current settings (and those of
        components whose data is unusable without them), C(everything) all objects of the instance.
    type: str
    choices: [component, data, everything]
    required: true
  components:
    description: Components to reset, for the levels C(component) and C(data).
    type: list
    elements: str
    default: []
  excluded:
    description: Components that the settings exclude, as returned by M(environment_facts).
    type: dict
    default: {}
attributes:
  check_mode:
    description: The module never changes anything.
    support: full
"""

EXAMPLES = r"""
- name: Determine what to remove
  reset_plan:
    instance: "{{ cloudlab.instance }}"
    catalogue: "{{ catalogue }}"
    level: data
    components: [postgres]
  register: plan
"""

RETURN = r"""
containers: {description: "Names of containers, dependents first.", type: list, returned: success}
volumes: {description: Names of volumes., type: list, returned: success}
networks: {description: Names of networks., type: list, returned: success}
directory: {description: Whether generated files are removed as well., type: bool, returned: success}
"""
