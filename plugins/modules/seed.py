"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: seed
short_description: Follow the seeding of a platform until it ends
description:
  - Shows the standard output of the container that the filter P(seed_spec#filter) specifies, line by line, and waits
    for its end.
  - The last line of the output is the result, a JSON object. Its C(changed) decides whether the task changed something,
    its C(warnings) are shown, and its other keys are returned.
  - A status other than 0 is an error, with the end of the standard error as its message.
options:
  container:
    description: Name of the container.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: The command in the container knows the mode from SEED_DRY_RUN.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Fill the platform
  seed:
    container: cloudlab-seed
"""

RETURN = r"""
changed:
  description: Whether objects were created (in check mode, would be created).
  returned: success
  type: bool
"""
