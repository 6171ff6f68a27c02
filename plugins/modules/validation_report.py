"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: validation_report
short_description: Tell what all checks found
description:
  - Completes the results of M(environment_checks) and M(database_checks) by what the platform says its services make in
    the stores by themselves, C(stores.yml) in its checkout - versions of migrations, indices, tables - and by the rows
    of what was seeded.
  - Shows a line per check, and writes all of them into a file where one is named. Fails when one failed, with what,
    where, and how to mend it.
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
    description: Results of the checks; those of skipped tasks are left out.
    type: list
    elements: dict
    required: true
  seeded:
    description: A size of the seed whose rows must be there. Without it rows are shown only.
    type: str
    default: ""
  format:
    description: What is written into O(output) - the table, JSON, or JUnit XML with a suite per area.
    type: str
    choices: [table, json, junit]
    default: table
  output:
    description: A file that is written before the task fails for what it tells. Empty for none.
    type: path
    default: ""
attributes:
  check_mode:
    support: full
    description: It changes nothing; O(output) is written in either mode.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Tell what was found
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
  description: All outcomes, each with C(area), C(subject), C(state), C(text) and C(cure).
  returned: always
  type: list
  elements: dict
"""
