"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: validation_report
short_description: Report the results of all checks
description:
  - Adds the checks of the objects that the services create in the stores themselves, according to C(stores.yml) in the
    platform's checkout - versions of migrations, indices, tables - and of seeded rows, to the results of
    M(environment_checks) and of the stores' actions.
  - Prints a line per check, and optionally writes all results to a file. Fails if a check failed, with the cause, its
    location and how to fix it.
  - For a platform without C(stores.yml), only the declarations in the catalogue are checked.
options:
  environment:
    description: The fact C(cloudlab).
    type: dict
    required: true
  platform:
    description: Checkout of the platform, relative to the project.
    type: path
    required: true
  database:
    description: PostgreSQL database of the platform.
    type: str
    required: true
  results:
    description: Results of the checks; those of skipped tasks are ignored.
    type: list
    elements: dict
    required: true
  seeded:
    description: Size of the seed whose rows are required. Without it, row counts are only shown.
    type: str
    default: ""
  format:
    description: Format of O(output) - the table, JSON, or JUnit XML with a suite per area.
    type: str
    choices: [table, json, junit]
    default: table
  output:
    description: File to write before the task fails. Empty for none.
    type: path
    default: ""
attributes:
  check_mode:
    support: full
    description: The module changes nothing; O(output) is also written in check mode.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Report the results
  validation_report:
    environment: "{{ cloudlab }}"
    platform: files/platform
    database: cloudlab
    results: ["{{ environment_checks }}", "{{ kafka_checks }}"]
    format: junit
    output: /tmp/report.xml
"""

RETURN = r"""
checks:
  description: All results, each with C(area), C(subject), C(state), C(text) and C(cure).
  returned: always
  type: list
  elements: dict
"""
