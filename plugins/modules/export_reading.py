"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: export_reading
short_description: Add a host that describes the roles with placeholders for settings
description:
  - Adds a host to the running play whose settings are placeholders - values that can be found in the results of the
    roles. The Docker Compose export replaces them with variable expressions.
  - The host is this process; there is no connection.
options:
  name:
    description: Name of the host.
    type: str
    required: true
  group:
    description: Group that the host joins.
    type: str
    required: true
  hostile:
    description:
      - Whether passwords contain characters that must be escaped in any syntax, and numbers differ. Results that a role
        escapes or calculates then differ from those without this option.
    type: bool
    required: true
  hot_reload:
    description: Whether to describe the services with hot reload, or with their own images.
    type: bool
    required: true
attributes:
  check_mode:
    support: full
"""

EXAMPLES = r"""
- name: Add a variant
  export_reading:
    name: plain
    group: readings
    hostile: false
    hot_reload: true
"""

RETURN = r"""
add_host:
  description: The host, in the format of C(ansible.builtin.add_host).
  returned: always
  type: dict
"""
