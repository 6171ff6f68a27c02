"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database_report
short_description: Tell what the checks of the stores found
description:
  - Completes the results of M(database_checks) by what the platform says its services make by themselves, C(stores.yml)
    in its checkout - versions of migrations, indices, tables - and by the rows of what was seeded.
  - Shows a line per check. Fails when one failed, with what, where, and how to mend it.
  - A platform without C(stores.yml) is checked by what the catalogue declares alone.
options:
  environment:
    description: The fact C(cloudlab).
    type: dict
    required: true
  platform:
    description: The platform's checkout; relative to the project.
    type: path
    required: true
  database:
    description: The platform's database in PostgreSQL.
    type: str
    required: true
  results:
    description: Results of M(database_checks); those of skipped tasks are left out.
    type: list
    elements: dict
    required: true
  seeded:
    description: A size of the seed whose rows must be there. Without it rows are shown only.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: It never changes anything.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Tell what was found
  database_report:
    environment: "{{ cloudlab }}"
    platform: files/platform
    database: cloudlab
    results: ["{{ kafka_checks }}"]
"""

RETURN = r"""
checks:
  description: All outcomes, each with C(store), C(subject), C(state), C(text) and C(cure).
  returned: always
  type: list
  elements: dict
"""
