"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_report
short_description: Report addresses, states and credentials of the environment
description:
  - Waits until the selected components are healthy, then prints a table - state, address, credentials, image and its
    source, memory and its limit - and the skipped components with their reasons.
  - Writes the same data to C(environment.json) in the instance's directory. The file contains passwords and only its
    owner can read it. Components that are not part of this run keep their earlier entry, with their current state.
  - In mode V(describe), no file is written; the file for O(copy), without passwords, is described.
  - Fails at the end, naming each component that failed or does not become healthy, with its last log lines.
extends_documentation_fragment: [modes]
options:
  environment:
    description: Variable C(cloudlab).
    type: dict
    required: true
  access:
    description:
      - Component -> C(user), C(password) and C(url). In the URL, C({host}), C({port}), C({user}) and C({password}) are
        replaced; the latter two are URL-encoded.
    type: dict
    default: {}
  views:
    description:
      - Links to views of a component in another one, view -> C(of), the component that shows it, C(url), and C(kinds),
        the kinds of components that have the view (all by default). In the URL, C({url}) is replaced by the address of
        that component and C({component}) by the name of the component to view. Links are shown only if the component in
        C(of) runs.
    type: dict
    default: {}
  timeout:
    description:
      - Maximum time to wait for components that are still starting, in seconds; 0 to not wait. A run that waits is a
        converge, whose time is recorded.
    type: int
    default: 0
  waived:
    description: Components that are not waited for, and not listed if they have no container.
    type: list
    elements: str
    default: []
  failures:
    description:
      - Components that failed in an earlier task, each with the cause, followed by the end of its log. They are not
        waited for, and shown as C(failed).
    type: dict
    default: {}
  measure:
    description: Whether to measure memory usage, which takes a second.
    type: bool
    default: false
  format:
    description: Output format, a table or all data as JSON.
    type: str
    choices: [table, json]
    default: table
  overview:
    description: Component whose address is shown below the table if it runs.
    type: str
    default: ""
  copy:
    description:
      - Directory for a copy of C(environment.json), for a container that runs in the user's group and has no access to
        the rest of the instance's directory. No copy is made if the directory does not exist.
    type: path
    default: ""
attributes:
  check_mode:
    description: Reports without waiting, and writes no file.
    support: full
"""

EXAMPLES = r"""
- name: Wait for the components and report the environment
  environment_report:
    environment: "{{ cloudlab }}"
    access:
      redis: {password: "{{ redis_password }}", url: "redis://:{password}@{host}:{port}"}
    timeout: 180
"""

RETURN = r"""
instance: {description: Name of the instance., returned: always, type: str}
profile: {description: Name of the profile., returned: always, type: str}
engine: {description: "The engine: version, operating_system.", returned: always, type: dict}
converged: {description: "End of the last converge; empty if there was none.", returned: always, type: str}
components:
  description: >-
    Per component: component, summary, kind, container, state, ports, address, url, user, password, image, source,
    memory (bytes: used, limit; null where unknown), views.
  returned: always
  type: list
failed_components:
  description: Component -> cause, followed by the end of its log.
  returned: always
  type: dict
unavailable:
  description: Components that cannot run on this machine, with the reason.
  returned: always
  type: dict
"""
