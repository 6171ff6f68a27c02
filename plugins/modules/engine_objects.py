"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_objects
short_description: Make volumes, or remove volumes and networks, all in one task
description:
  - Makes volumes that are known to be missing, or removes the volumes and networks named. A failure keeps none of the
    others from being made or removed; all failures are reported together.
  - What exists is compared nowhere here. M(environment_facts) says what is missing.
  - For what there is only little of, community.docker's modules serve as well. Each call of theirs is a process of its
    own, about half a second, and an environment has some twenty volumes.
options:
  volumes:
    description: The volumes.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Its name., type: str, required: true}
      labels: {description: Its labels., type: dict, default: {}}
  networks:
    description: The networks. Only removed; M(community.docker.docker_network) makes them.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Its name., type: str, required: true}
  state:
    description: Whether they are to be made or removed. What is to be removed and is not there is fine.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Says what would be made or removed.
    support: full
"""

EXAMPLES = r"""
- name: Create a volume that is missing
  engine_objects:
    volumes:
      - {name: cloudlab-redis-data, labels: {cloudlab.instance: cloudlab}}
"""

RETURN = r"""
objects:
  description: What was made or removed, in words, for example C(volume cloudlab-redis-data).
  returned: success
  type: list
  elements: str
"""
