"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_report
short_description: Show what runs, where, and with which credentials
description:
  - Waits until the chosen components are healthy, then shows them in a table - state, address, credentials, image,
    memory limit - and what was skipped and why.
  - The same goes to C(environment.json) in the instance's directory, for programs. It holds passwords and is readable
    for its owner only.
  - Fails with the container's last log lines when one does not become healthy.
options:
  environment:
    description: The variable C(cloudlab).
    type: dict
    required: true
  access:
    description:
      - Component -> C(user), C(password) and C(url). In the url, C({host}), C({port}), C({user}) and C({password}) are
        replaced, the last two escaped for URLs.
    type: dict
    default: {}
  timeout:
    description: Seconds to wait for the components that still start; 0 does not wait.
    type: int
    default: 0
  waived:
    description: Components that are not waited for, and not listed where they have no container.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Shows without waiting, and writes no file.
    support: full
"""

EXAMPLES = r"""
- name: Wait for the rest and show what runs
  environment_report:
    environment: "{{ cloudlab }}"
    access:
      redis: {password: "{{ redis_password }}", url: "redis://:{password}@{host}:{port}"}
    timeout: 180
"""

RETURN = r"""
components:
  description: "Per component: component, state, ports, address, url, user, password, image, source, memory limit."
  returned: always
  type: list
unavailable:
  description: Components that cannot run here, with the reason.
  returned: always
  type: dict
"""
