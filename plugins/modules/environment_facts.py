"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_facts
short_description: Run the preflight checks and gather facts of the environment
description:
  - Checks the settings, the catalogue, the engine and the machine, and reports all problems at once, before anything is
    changed. Each line shows the cause, its location and how to fix it.
  - Selects the components of the run from the profile and the tags of the play, including their dependencies.
  - Returns the facts that all roles use. Changes nothing except the lock.
extends_documentation_fragment: [modes]
options:
  memory_min:
    description: Minimum memory of the engine, for example C(4g).
    type: str
    default: "0"
  disk_min:
    description: Minimum free disk space for the engine's data.
    type: str
    default: "0"
  map_count_min:
    description: Value of C(vm.max_map_count) below which a warning is shown if Elasticsearch is selected.
    type: int
    default: 0
  neighbours:
    description: Whether to warn if other hosts in the network can reach ports that are published on 127.0.0.1.
    type: bool
    default: true
  lock:
    description:
      - Whether to lock the instance against concurrent runs. The lock is not acquired in check mode.
    type: bool
    default: false
  checks:
    description: Whether to check memory, disk space, ports and names. Plays that only read or stop do not need this.
    type: bool
    default: true
attributes:
  check_mode:
    description: Checks and gathers facts; does not acquire the lock.
    support: full
"""

EXAMPLES = r"""
- name: Gather facts and run the preflight checks
  environment_facts:
    memory_min: 4g
    disk_min: 10g
    lock: true
  register: cloudlab
"""

RETURN = r"""
instance: {description: Name of the instance., type: str}
directory: {description: Directory of all generated files (absolute path)., type: str}
profile: {description: Name of the profile., type: str}
complete: {description: "Whether the run covers all components of the profile, not only a part.", type: bool}
size: {description: Size of the components, full or lite., type: str}
catalogue: {description: "The catalogue, including the platform's services.", type: dict}
chosen: {description: Names of the selected components in startup order., type: list}
excluded:
  description: >-
    Components that the settings exclude: name -> C(actual) (those settings), C(required) (the ones with which it
    exists) and C(entry).
  type: dict
unavailable: {description: "Components that cannot run on this machine, with the reason.", type: dict}
present:
  description: "All containers of the selected components, including replicas: name, component and needs."
  type: list
surplus:
  description: >-
    Containers of this instance whose component is not in the profile; only those of RV(retired) if tags select the
    components.
  type: list
retired:
  description: >-
    Containers of components that the settings exclude and that selected components needed before. They are removed
    after these components are converged.
  type: list
engine:
  description: >-
      Facts of the engine: version, api, os, operating_system, arch, memory (bytes), cpus, data_root, rootless, and for
      containers that access it, socket (empty if there is none) and socket_group (ID of the group that can use the
      socket).
  type: dict
components:
  description:
    - "Per selected component: summary, kind, role, container, ports ({name: {container, host}}), networks,
      volumes ({name: {name, target}}), memory, excluded (needs and volumes that the settings exclude), and C(spec),
      the base of its role's container spec."
  type: dict
networks: {description: "Networks of the selected components: name, subnet, exists.", type: dict}
volumes: {description: "Volumes of the selected components: name, target, component, exists, labels.", type: dict}
"""
