"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_server
short_description: Wait until a Redis server accepts its password
description:
  - Redis has no declared contents, and its password is part of its container. In mode V(compare), connects to the
    server with and without the password.
  - Runs in process on the controller; requires the Python packages C(redis) and C(docker).
options:
  password:
    description: Password of the user C(default).
    type: str
    required: true
extends_documentation_fragment: [modes, store, store.address]
attributes:
  check_mode:
    description: Does not wait.
    support: full
"""

EXAMPLES = r"""
- name: Wait for Redis
  redis_server:
    port: 6379
    container: cloudlab-redis
    password: "{{ redis_password }}"
"""

RETURN = r""""""
