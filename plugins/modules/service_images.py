"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_images
short_description: Make an image of each of a platform's services
description:
  - Builds roles/go_service/files/Dockerfile once per service, on the engine's classic builder. What services have in
    common is built once, by the first of them.
  - An image's tag is a hash over all it is made of, so nothing is built while nothing changed. A changed file gives all
    services new tags; those whose program stays the same keep their image's id, and so their container.
  - Left out of the build are version control, what the checkout's C(.dockerignore) names, and the tests of the probe.
  - A service that cannot be built does not keep the others from it; the reason is in the result.
  - Former images of a service are removed once no container uses them.
extends_documentation_fragment: [modes]
options:
  instance:
    description: Name of the instance; images are called C(cloudlab/<instance>-<service>).
    type: str
    required: true
  platform:
    description: The checkout. Relative paths are relative to the project.
    type: path
    required: true
  catalogue:
    description: The catalogue with the services.
    type: dict
    required: true
  services:
    description: Names of the services.
    type: list
    elements: str
    required: true
  toolchain:
    description: The image that compiles.
    type: str
    required: true
  runtime:
    description: The image that programs are put into.
    type: str
    required: true
notes:
  - Builds trust the certificates that the host trusts, and use its proxies.
attributes:
  check_mode:
    description: Says whether something would be built.
    support: full
"""

EXAMPLES = r"""
- name: Build the images that are missing
  service_images:
    instance: cloudlab
    platform: files/platform
    catalogue: "{{ catalogue }}"
    services: [order, payment]
    toolchain: docker.io/library/golang:1.27.1-bookworm
    runtime: docker.io/library/debian:trixie-slim
"""

RETURN = r"""
images:
  description: The image of each service that has one.
  returned: success
  type: dict
  sample: {order: "cloudlab/cloudlab-order:0123456789ab"}
built:
  description: Services whose image was made.
  returned: success
  type: list
failures:
  description: Services that could not be built, each with the compiler's words.
  returned: success
  type: dict
"""
