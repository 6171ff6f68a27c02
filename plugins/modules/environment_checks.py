"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_checks
short_description: Check a running environment
description:
  - Checks the engine, published ports, the gateway, web pages, logs and containers of the selected components, all
    concurrently, and changes nothing.
  - Name resolution and reachability are tested inside containers, in one container per set of networks. If its image
    has no C(bash), the test is skipped with a note.
  - Routes of the gateway are requested without a token and with a method that changes nothing.
  - A failed check does not fail the task; M(validation_report) reports all checks and fails. A component that does not
    respond because its container is not healthy is reported only once, by the container check.
  - Runs in process on the controller; requires the Python package C(docker).
options:
  environment:
    description: The fact C(cloudlab), with images.
    type: dict
    required: true
  plans:
    description: >-
        Results of M(containers) in check mode, by a name for its containers. Results of skipped tasks are ignored; that
        of a failed task is a failed check.
    type: dict
    required: true
  gateway_config:
    description: Result of M(gateway_config) in check mode; that of a skipped task is ignored.
    type: dict
    default: {}
  jwt_service:
    description: Service that publishes the token signing keys, as in the gateway's settings.
    type: str
    default: ""
  access:
    description: Component -> {user, password, url}, as for M(environment_report); each url is requested.
    type: dict
    default: {}
  expected_errors:
    description: Expected log lines of level error, each with C(component), C(pattern) and C(reason).
    type: list
    elements: dict
    default: []
  since:
    description: >-
        Ignore older log lines - 90s, 10m, 2h, 1d, or a time in RFC 3339 format. Empty for the start of the container.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: The module never changes anything.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Compare the Redis container to its specification
  containers:
    instance: "{{ cloudlab.instance }}"
    directory: "{{ cloudlab.directory }}"
    specs: "{{ specs }}"
  check_mode: true
  register: redis_plan
- name: Check the environment
  environment_checks:
    environment: "{{ cloudlab }}"
    plans: {redis: "{{ redis_plan }}"}
  register: environment_checks
"""

RETURN = r"""
checks:
  description: Results of the checks, each with C(area), C(subject), C(state) (ok, FAILED or note), C(text) and C(cure).
  returned: success
  type: list
  elements: dict
"""
