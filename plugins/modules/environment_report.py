"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_report
short_description: Show what runs, where, and with which credentials
description:
  - Waits until the chosen components are healthy, then shows them in a table - state, address, credentials, image and
    its source, memory and its limit - and what was skipped and why.
  - The same goes to C(environment.json) in the instance's directory, for programs. It holds passwords and is readable
    for its owner only. What this run was not about is kept there as an earlier one found it, with its present state.
  - In the mode V(describe) no file is written; the page that goes to O(copy), without passwords, is described.
  - Fails at the end, naming each component that failed or does not become healthy, with its last log lines.
extends_documentation_fragment: [modes]
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
  views:
    description:
      - What there is to see of a component elsewhere, what -> C(of), the component that shows it, C(url), and C(kinds),
        those of the components that are to be seen there (all by default). In the url, C({url}) is that component's
        own and C({component}) the name of the one to see. Only what runs shows anything.
    type: dict
    default: {}
  timeout:
    description:
      - Seconds to wait for the components that still start; 0 does not wait. A run that waits is a converge, whose
        time is noted.
    type: int
    default: 0
  waived:
    description: Components that are not waited for, and not listed where they have no container.
    type: list
    elements: str
    default: []
  failures:
    description:
      - Components of which an earlier task knows that they failed, each with the cause and, on further lines, the end
        of its log. They are not waited for, and shown as C(failed).
    type: dict
    default: {}
  measure:
    description: Whether to ask for the memory that is in use, which takes the engine a second.
    type: bool
    default: false
  format:
    description: What is printed, a table or the whole page as JSON.
    type: str
    choices: [table, json]
    default: table
  overview:
    description: The component whose address is printed below the table, where it runs.
    type: str
    default: ""
  copy:
    description:
      - A folder that gets a copy of C(environment.json), for one who is in the user's group and may see nothing else of
        the instance's directory. Nothing is copied where the folder does not exist.
    type: path
    default: ""
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
instance: {description: Name of the instance., returned: always, type: str}
profile: {description: Its profile., returned: always, type: str}
engine: {description: "The engine: version, operating_system.", returned: always, type: dict}
converged: {description: "When the last converge ended, empty when none did.", returned: always, type: str}
components:
  description: >-
    Per component: component, summary, kind, container, state, ports, address, url, user, password, image, source,
    memory (bytes: used, limit; null where unknown), views.
  returned: always
  type: list
failed_components:
  description: Component -> cause, and on further lines the end of its log.
  returned: always
  type: dict
unavailable:
  description: Components that cannot run here, with the reason.
  returned: always
  type: dict
"""
