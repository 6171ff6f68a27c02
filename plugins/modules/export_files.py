"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: export_files
short_description: Write the files of Docker Compose
description:
  - Writes C(docker-compose.yml), C(docker-compose.configs.yml), which it includes, C(docker-compose.override.yml),
    C(docker-compose.engine-25.yml) and C(.env.example) from what hosts have described (the mode V(describe) of the
    actions).
  - Each of the two ways to run the services was read twice, with other values in the place of settings. Where the two
    readings differ, a setting was escaped or calculated with; Docker Compose can do neither, so this is an error that
    names setting and place, and nothing is written.
options:
  folder:
    description: Where the files are.
    type: path
    required: true
  built:
    description: The two hosts, plain and hostile, that describe services in images of their own.
    type: list
    elements: str
    required: true
  reload:
    description: The two hosts that describe services with hot reload.
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
- name: Write what both readings agree on
  export_files:
    folder: "{{ playbook_dir }}/.."
    built: [built-plain, built-hostile]
    reload: [reload-plain, reload-hostile]
"""

RETURN = r"""
files:
  description: Names of the files that were, or in check mode would be, written.
  returned: always
  type: list
  elements: str
"""
