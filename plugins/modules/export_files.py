"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: export_files
short_description: Write the Docker Compose files
description:
  - Writes C(docker-compose.yml), C(docker-compose.configs.yml), which it includes, C(docker-compose.override.yml),
    C(docker-compose.engine-25.yml), C(docker-compose.no-proxies.env) and C(.env.example) from what the hosts have
    described (mode V(describe) of the actions).
  - Each of the two ways to run the services is described by two hosts with different values for the settings. Where the
    two differ in more than the values, a setting was escaped or used in a calculation. Docker Compose supports neither,
    so this is an error that names the setting and its location, and nothing is written.
options:
  folder:
    description: Directory of the files.
    type: path
    required: true
  built:
    description: The two hosts, plain and hostile, that describe services with their own images.
    type: list
    elements: str
    required: true
  reload:
    description: The two hosts, plain and hostile, that describe services with hot reload.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Write what the variants have in common
  export_files:
    folder: "{{ playbook_dir }}/.."
    built: [built-plain, built-hostile]
    reload: [reload-plain, reload-hostile]
"""

RETURN = r"""
files:
  description: Names of the files that were written (in check mode, would be written).
  returned: always
  type: list
  elements: str
"""
