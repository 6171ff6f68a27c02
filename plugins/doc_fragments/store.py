"""Options that the actions of all stores share."""


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  container:
    description: Name of the server's container, whose state and log explain why the server does not respond.
    type: str
    required: true
  timeout:
    description: Maximum time to wait for the server, in seconds.
    type: float
    default: 60
"""

    ADDRESS = r"""
options:
  host:
    description: Address of the published port.
    type: str
    default: 127.0.0.1
  port:
    description: Published port.
    type: int
    required: true
"""

    HTTP = r"""
options:
  url:
    description: Address of the server's published port.
    type: str
    required: true
  user:
    description: User, if the security of Elasticsearch is enabled.
    type: str
  password:
    description: Password of the user.
    type: str
"""

    INSIDE = r"""
options:
  inside:
    description: Address of the server as seen from other containers; used in mode V(describe).
    type: str
"""
