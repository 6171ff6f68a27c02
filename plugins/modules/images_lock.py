"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: images_lock
short_description: Resolve the digests of the pinned upstream images
description:
  - Asks the registries, through the engine and with the user's logins, for the digest that each pinned tag has now.
    Nothing is pulled and nothing changes.
  - The digest is that of the list of all platforms where the registry has one.
  - Fails if a registry does not answer or lacks an image; the message names each.
options:
  images:
    description: "Images of the catalogue: key to C(repository) and C(tag)."
    type: dict
    required: true
  registry_mirror:
    description: Registry mirror to ask instead of the registry's host, C(host[:port][/path]).
    type: str
    default: ""
attributes:
  check_mode:
    description: The registries are asked in check mode too.
    support: full
"""

EXAMPLES = r"""
- name: Resolve the digests
  images_lock:
    images: "{{ images }}"
    registry_mirror: "{{ registry_mirror }}"
  register: resolved
"""

RETURN = r"""
lock:
  description:
    - "Key of each image to its C(tag) (the pinned reference), C(digest) (C(sha256:...)) and C(platforms) (list, such
      as C(linux/arm64); empty if the registry does not list them)."
  returned: success
  type: dict
"""
