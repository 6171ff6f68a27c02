"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_facts
short_description: Check everything a run rests on, and describe the environment
description:
  - Checks the settings, the catalogue, the engine and the machine, and fails once with everything that is wrong, before
    anything is changed. Each line says what, where and how to mend it.
  - Chooses the components of the run from the profile and the play's tags, with all that they need.
  - Returns the picture of the environment that the roles work with. Nothing is changed but the lock.
extends_documentation_fragment: [modes]
options:
  memory_min:
    description: Memory that the engine must have at least, for example C(4g).
    type: str
    default: "0"
  disk_min:
    description: Free space where the engine keeps its data, at least.
    type: str
    default: "0"
  map_count_min:
    description: Value of C(vm.max_map_count) below which there is a warning when Elasticsearch is chosen.
    type: int
    default: 0
  lock:
    description:
      - Whether this run changes the instance, so that no other run may at the same time. Not taken in check mode.
    type: bool
    default: false
  checks:
    description: Whether to check memory, disk, ports and names. A play that only looks or stops has no need of them.
    type: bool
    default: true
attributes:
  check_mode:
    description: Checks and describes; takes no lock.
    support: full
"""

EXAMPLES = r"""
- name: Take stock and check everything a run rests on
  environment_facts:
    memory_min: 4g
    disk_min: 10g
    lock: true
  register: cloudlab
"""

RETURN = r"""
instance: {description: Name of the instance., type: str}
directory: {description: Where everything generated lives (absolute path)., type: str}
profile: {description: The profile., type: str}
complete: {description: "Whether the run is for all that the profile chooses, not for a part of it.", type: bool}
size: {description: Size of the components, full or lite., type: str}
catalogue: {description: The catalogue with the platform's services., type: dict}
chosen: {description: Names of the chosen components in start order., type: list}
unavailable: {description: Components that cannot run here, with the reason., type: dict}
present:
  description: "Every container there is of the chosen components, replicas too: name, component and needs."
  type: list
surplus:
  description: Containers of this instance whose component the profile does not choose; none when tags choose.
  type: list
engine:
  description: >-
    Facts of the engine: version, api, os, operating_system, arch, memory (bytes), cpus, data_root, rootless, and for
    containers that look at it, socket (empty when there is none) and socket_group (the number of the group that may use
    it).
  type: dict
components:
  description:
    - "Per chosen component: summary, kind, role, container, ports ({name: {container, host}}), networks,
      volumes ({name: {name, target}}), memory, and C(spec), the container spec that its role adds to."
  type: dict
networks: {description: "Networks of the chosen components: name, subnet, exists.", type: dict}
volumes: {description: "Volumes of the chosen components: name, target, component, exists, labels.", type: dict}
"""
