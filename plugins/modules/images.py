"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: images
short_description: Provide the images of an environment
description:
  - Provides the image of every component of the environment in the engine, pulled from a registry or built from
    packages, and returns its reference.
  - Existing data decides first. A component's image never changes between registry and packages while a volume that the
    other one wrote exists (label C(cloudlab.source)). With O(image_source=auto), the order of preference is an image
    that is present, one in a registry, one that can be built. Registries are queried only for missing images, all
    concurrently, and for at most 8 seconds.
  - The tag of a built image is a hash of its build context, C(cloudlab/<context>:<hash>), so that it is built only when
    a file of its context or of a parent's context changed. Parents are built first. An image is tagged when it is
    complete.
  - An image without a package build is skipped if no registry provides it; the reason is in the result.
  - Fails if a component depends on a skipped one, or if the data of a component has another on-disk format than its
    image supports.
  - If nothing changed, the engine is queried only once.
extends_documentation_fragment: [modes]
options:
  environment:
    description:
      - Fact that M(environment_facts) returns. Uses C(directory), the C(image_key) of each of C(components), and
        C(volumes) with their labels.
    type: dict
    required: true
  images:
    description:
      - "Images of the catalogue: key to C(repository), C(tag), and C(context), the directory in files/images/ that
        builds an equivalent from packages (optional)."
    type: dict
    required: true
  lock:
    description:
      - Digests of O(images) as M(images_lock) returns them. With them, images are pulled by digest, and an image that
        is present under the pinned tag counts only if it has the digest.
      - Fails if an image has no digest here, or one of another tag.
    type: dict
    default: {}
  image_source:
    description: Source of the images.
    type: str
    choices: [auto, registry, packages]
    default: auto
  registry_mirror:
    description: Registry mirror that replaces the registry's host in every reference, C(host[:port][/path]).
    type: str
    default: ""
  pull_timeout:
    description: Timeout for pulling one image, in seconds.
    type: float
    default: 900
  contexts:
    description: Directory of the build contexts.
    type: path
    default: files/images
notes:
  - Builds trust the CA certificates of the host (C(SSL_CERT_FILE), or the system's bundle) and use its proxies
    (C(HTTP_PROXY), C(HTTPS_PROXY), C(NO_PROXY)).
  - The complete output of a build is in C(logs/build-<context>.log) in the environment's directory.
  - Base systems are built with C(mmdebstrap), which must be installed on the controller.
attributes:
  check_mode:
    description: Reports what would be pulled and built.
    support: full
"""

EXAMPLES = r"""
- name: Provide the images
  images:
    environment: "{{ cloudlab }}"
    images: "{{ images }}"
    lock: "{{ images_lock }}"
    image_source: "{{ image_source }}"
    registry_mirror: "{{ registry_mirror }}"
    pull_timeout: "{{ image_pull_timeout }}"
  register: cloudlab
"""

RETURN = r"""
components:
  description:
    - Components of O(environment), with their image as C(image) (reference, source, id, state, reason, data) and in
      C(spec). All other keys of O(environment) are returned unchanged.
  returned: success
  type: dict
chosen: {description: Names of the components that can run on this machine., type: list, returned: success}
unavailable: {description: "Components without an image, with the reason.", type: dict, returned: success}
"""
