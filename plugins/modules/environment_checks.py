"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_checks
short_description: Check a living environment from all sides
description:
  - Asks the engine, published ports, the gateway, pages, logs and containers of the chosen components whether they are
    what they should be, all at the same time, and changes nothing.
  - Names and reach are tried out inside containers. One of every set of networks speaks for all that are on the same
    ones; one whose image has no C(bash) cannot try, and is a note.
  - A route of the gateway is asked without a token and by a method that changes nothing.
  - A failed check is a result, not a failure of the task; M(validation_report) tells them all and fails. What does not
    answer because its container is not well is told once, by the container.
  - Runs in process on the controller; needs the Python package C(docker).
options:
  environment:
    description: The fact C(cloudlab), with images.
    type: dict
    required: true
  plans:
    description: >-
      What M(containers) said in check mode - whose containers, in a word, and the result. Those of skipped tasks are
      left out; one that failed is a failed check.
    type: dict
    required: true
  gateway_config:
    description: What M(gateway_config) said in check mode; that of a skipped task is left out.
    type: dict
    default: {}
  jwt_service:
    description: The service that publishes the keys for tokens, as in the gateway's settings.
    type: str
    default: ""
  access:
    description: Component -> {user, password, url}, as M(environment_report) takes it; what has a url is asked.
    type: dict
    default: {}
  expected_errors:
    description: Lines of logs that say error and are no fault, each C(component), C(pattern) and C(reason).
    type: list
    elements: dict
    default: []
  since:
    description: >-
      Before which no line of a log counts - 90s, 10m, 2h, 1d, or a time in RFC 3339. Empty for the start of the
      container.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: It never changes anything.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Compare Redis's container with its specification
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
  description: The outcomes, each with C(area), C(subject), C(state) (ok, FAILED or note), C(text) and C(cure).
  returned: success
  type: list
  elements: dict
"""
