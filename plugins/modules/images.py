"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: images
short_description: Make the images of an environment present
description:
  - Sees to it that every image the environment's components run is in the engine, pulled from a registry or built from
    packages, and says under which name.
  - Existing data decides first. A component's image never changes between registry and packages while a volume written
    by the other one exists (label C(cloudlab.source)). With O(image_source=auto), what is present comes next, then what
    a registry has, then what can be built. Registries are asked only about what is missing, all at once, and for at
    most 8 seconds.
  - Built images are named by their content, C(cloudlab/<context>:<hash>), so they are built only when a file of their
    context or of a parent's changed. Parents are built first. An image gets its name when it is complete.
  - An image without a package form is skipped when no registry provides it; the reason is in the result.
  - Fails when something needs a component that was skipped, and when the data of a component was written in another
    on-disk format than its image reads.
  - A run with nothing to do asks the engine once.
extends_documentation_fragment: [modes]
options:
  environment:
    description:
      - The fact that M(environment_facts) returns. Of it are read C(directory), the C(image_key) of each of
        C(components), and C(volumes) with their labels.
    type: dict
    required: true
  images:
    description:
      - "The catalogue's images: key to C(repository), C(tag), C(digest) (optional), and C(context), the folder under
        files/images/ that makes an equivalent from packages (optional)."
    type: dict
    required: true
  image_source:
    description: Where images come from.
    type: str
    choices: [auto, registry, packages]
    default: auto
  registry_mirror:
    description: Replaces the registry's host in every reference, C(host[:port][/path]).
    type: str
    default: ""
  pull_timeout:
    description: Seconds that one pull may take.
    type: float
    default: 900
  contexts:
    description: The folder of the build contexts.
    type: path
    default: files/images
notes:
  - Builds trust the certificates that the host trusts (C(SSL_CERT_FILE), else the system's bundle) and use its proxies
    (C(HTTP_PROXY), C(HTTPS_PROXY), C(NO_PROXY)).
  - The whole output of a build is in C(logs/build-<context>.log) of the environment's directory.
  - Base systems are made with C(mmdebstrap), which is needed on the machine that runs the play.
attributes:
  check_mode:
    description: Says what would be pulled and built.
    support: full
"""

EXAMPLES = r"""
- name: Make the images present
  images:
    environment: "{{ cloudlab }}"
    images: "{{ images }}"
    image_source: "{{ image_source }}"
    registry_mirror: "{{ registry_mirror }}"
    pull_timeout: "{{ image_pull_timeout }}"
  register: cloudlab
"""

RETURN = r"""
components:
  description:
    - What O(environment) says of each component, with the image it runs as C(image) (reference, source, id, state,
      reason, data) and in its C(spec). Everything else that O(environment) holds is returned as well.
  returned: success
  type: dict
chosen: {description: Names of the components that can run here., type: list, returned: success}
unavailable: {description: Components without an image, and why., type: dict, returned: success}
"""
