"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: export_reading
short_description: Add a host that reads the roles with placeholders for settings
description:
  - Adds a host to the running play whose settings are placeholders, values that are found again in whatever roles make
    of them. The export for Docker Compose puts expressions in their place.
  - The host is this process; nothing connects to it.
options:
  name:
    description: The host's name.
    type: str
    required: true
  group:
    description: The group that it joins.
    type: str
    required: true
  hostile:
    description:
      - Whether passwords hold characters that no syntax takes as they are, and numbers are others. What a role escapes
        or calculates then differs from the reading without.
    type: bool
    required: true
  hot_reload:
    description: Whether the services are compiled when a file is saved, or run from images of their own.
    type: bool
    required: true
attributes:
  check_mode:
    support: full
"""

EXAMPLES = r"""
- name: Add a reading
  export_reading:
    name: plain
    group: readings
    hostile: false
    hot_reload: true
"""

RETURN = r"""
add_host:
  description: The host, as C(ansible.builtin.add_host) returns it.
  returned: always
  type: dict
"""
