"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: services_ready
short_description: Wait until a platform's services are built and healthy, or it is certain that they will not be
description:
  - Follows the builder's reports and the containers' health until every service is decided. It never fails for a
    service that is not in order; it returns why, in the words of the compiler or of the process itself.
  - A service is given up when its source cannot be built, when its process ended by itself three times, when its
    container was killed for want of memory, and when its time is over.
  - What could not be built before is built once more at the beginning, for the network may have been the cause.
  - Runs in process on the controller; needs the Python package C(docker).
extends_documentation_fragment: [modes]
options:
  instance:
    description: Name of the instance.
    type: str
    required: true
  specs:
    description: The specifications of the services' containers; C(name) and C(component) of each are used.
    type: list
    elements: dict
    required: true
  builder:
    description: The builder's container. Empty when services run from images of their own.
    type: str
    default: ""
  failures:
    description: Services that are known to have failed, with the reason; they are added to the result.
    type: dict
    default: {}
  build_timeout:
    description: Seconds that the builds may take.
    type: float
    default: 900
  start_timeout:
    description: Seconds from its build until a service is healthy.
    type: float
    default: 120
attributes:
  check_mode:
    description: Nothing is waited for.
    support: full
"""

EXAMPLES = r"""
- name: Wait for the services
  services_ready:
    instance: cloudlab
    builder: cloudlab-builder
    specs:
      - {name: cloudlab-order, component: order}
  register: __go_service_ready
"""

RETURN = r"""
ready:
  description: Services that are built and healthy.
  returned: success
  type: list
failed_components:
  description: The others, each with the cause and, on further lines, the last output of compiler or process.
  returned: success
  type: dict
  sample: {order: "cannot be built\nservices/order/rest.go:41:2: undefined: foo"}
surplus:
  description: Containers of these services that no specification names (replicas too many).
  returned: success
  type: list
"""
