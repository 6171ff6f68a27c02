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
  host:
    description: Address of the published port.
    type: str
    default: 127.0.0.1
  port:
    description: Published port.
    type: int
    required: true
  container:
    description: Name of the server's container, whose state and log explain why the server does not respond.
    type: str
    required: true
  password:
    description: Password of the user C(default).
    type: str
    required: true
  timeout:
    description: Maximum time to wait for the server, in seconds.
    type: float
    default: 60
extends_documentation_fragment: [modes]
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
