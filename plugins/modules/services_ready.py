"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: services_ready
short_description: Wait until each service of a platform is healthy or has failed
description:
  - Watches the builder's reports and the health of the containers until every service is healthy or has failed. The
    task does not fail for a failed service; it returns the output of the compiler or of the process.
  - A service has failed if it does not build, if its process exits three times, if its container runs out of memory, or
    if its timeout has passed.
  - A service that did not build before is built once more at the beginning, because the network may have been the
    cause.
  - Runs in process on the controller; requires the Python package C(docker).
extends_documentation_fragment: [modes]
options:
  instance:
    description: Name of the instance.
    type: str
    required: true
  specs:
    description: Specifications of the services' containers; only C(name) and C(component) are used.
    type: list
    elements: dict
    required: true
  builder:
    description: Name of the builder's container. Empty if services run from their own images.
    type: str
    default: ""
  failures:
    description: Services that have already failed, with the reason; they are added to the result.
    type: dict
    default: {}
  build_timeout:
    description: Timeout for the builds, in seconds.
    type: float
    default: 900
  start_timeout:
    description: Timeout from the build of a service until it is healthy, in seconds.
    type: float
    default: 120
attributes:
  check_mode:
    description: Does not wait.
    support: full
"""

EXAMPLES = r"""
- name: Wait for the services
  services_ready:
    instance: cloudlab
    builder: cloudlab-builder
    specs:
      - {name: cloudlab-web, component: web}
  register: __go_service_ready
"""

RETURN = r"""
ready:
  description: Services that are built and healthy.
  returned: success
  type: list
failed_components:
  description: All other services, each with the cause, followed by the last output of the compiler or the process.
  returned: success
  type: dict
  sample: {web: "cannot be built\ncmd/web/main.go:41:2: undefined: foo"}
surplus:
  description: Containers of these services that are not in O(specs) (surplus replicas).
  returned: success
  type: list
"""
