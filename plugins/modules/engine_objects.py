"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_objects
short_description: Create volumes, or remove volumes and networks, in one task
description:
  - Creates volumes that are known to be missing, or removes the given volumes and networks. A failure does not affect
    the others; all failures are reported together.
  - Existing objects are not compared. M(environment_facts) determines which are missing.
  - For a few objects, use the modules of community.docker. Each of their calls is a process that takes about half a
    second, and an environment has about twenty volumes.
options:
  volumes:
    description: Volumes to create or remove.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the volume., type: str, required: true}
      labels: {description: Labels of the volume., type: dict, default: {}}
  networks:
    description: Networks to remove. M(community.docker.docker_network) creates them.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the network., type: str, required: true}
  state:
    description: Whether to create or remove the objects. Removing an object that does not exist is not an error.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Reports what would be created or removed.
    support: full
"""

EXAMPLES = r"""
- name: Create a missing volume
  engine_objects:
    volumes:
      - {name: cloudlab-redis-data, labels: {cloudlab.instance: cloudlab}}
"""

RETURN = r"""
objects:
  description: Objects that were created or removed, for example C(volume cloudlab-redis-data).
  returned: success
  type: list
  elements: str
"""
