"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_server
short_description: Wait until a Redis server accepts its password
description:
  - Redis holds nothing that is declared; its password is part of its container. In the mode V(compare), tries the
    server with the password and without.
  - Runs in process on the controller; needs the Python packages C(redis) and C(docker).
options:
  host:
    description: Address of the server as this machine reaches it.
    type: str
    default: 127.0.0.1
  port:
    description: Its port.
    type: int
    required: true
  container:
    description: Its container, which is asked why the server does not answer.
    type: str
    required: true
  password:
    description: Password of the user C(default).
    type: str
    required: true
  timeout:
    description: Seconds to wait for the server.
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
