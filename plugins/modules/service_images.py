"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_images
short_description: Build an image of each service of a platform
description:
  - Compares the images of services with what they are built from, and builds the missing ones from programs that the
    builder has compiled, which keeps modules and compiled packages.
  - The tag of an image is a hash of everything it is built from, so that nothing is built if nothing changed. A changed
    file results in new tags of all services; if the program of a service is the same, so is the ID of its image, and
    its container is kept.
  - Version control, the patterns in the checkout's C(.dockerignore), and tests are no part of an image.
  - A service that does not build does not affect the others; the reason is in the result.
  - Old images of a service are removed once no container uses them.
extends_documentation_fragment: [modes]
options:
  instance:
    description: Name of the instance; images are called C(cloudlab/<instance>-<service>).
    type: str
    required: true
  platform:
    description: Checkout of the services. Relative paths are relative to the project.
    type: path
    required: true
  catalogue:
    description: The catalogue, including the services.
    type: dict
    required: true
  services:
    description: Names of the services.
    type: list
    elements: str
    required: true
  toolchain:
    description: Image of the compiler.
    type: str
    required: true
  runtime:
    description: Base image of the services.
    type: str
    required: true
  builder:
    description: Container of the builder that compiles the services. Without it, nothing is built.
    type: str
    default: ""
  timeout:
    description: How long all builds may take, in seconds.
    type: float
    default: 900
attributes:
  check_mode:
    description: Reports whether an image would be built.
    support: full
"""

EXAMPLES = r"""
- name: Build the missing images of services
  service_images:
    instance: cloudlab
    platform: files/platform
    catalogue: "{{ catalogue }}"
    services: [billing, web]
    toolchain: docker.io/library/golang:1.27.1-bookworm
    runtime: docker.io/library/debian:trixie-slim
    builder: cloudlab-builder
"""

RETURN = r"""
images:
  description: Image of each service that has one.
  returned: success
  type: dict
  sample: {web: "cloudlab/cloudlab-web:0123456789ab"}
missing:
  description: Services that had no image.
  returned: success
  type: list
failures:
  description: Services that do not build, each with the compiler's output.
  returned: success
  type: dict
"""
