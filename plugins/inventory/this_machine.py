"""The one machine that is converged: this one."""

from __future__ import annotations

DOCUMENTATION = """
name: this_machine
short_description: The machine that Ansible runs on, and nothing else
description:
  - Holds C(localhost), with the Python that runs Ansible.
  - Refuses a C(--limit) that leaves no host, with the valid names. Ansible alone would only say that there is none.
options:
  plugin:
    description: Must be C(this_machine).
    required: true
    choices: [this_machine]
"""

import sys
from pathlib import Path

from ansible import context
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.utils.display import Display

try:
    from cloudlab.ansible import commandline
except ImportError as error:
    # The first plugin of a run: an exception here would end in a traceback.
    Display().error(
        f"Cloudlab's Python package cannot be imported by {sys.executable}: {error}. "
        "Run ./scripts/setup.sh, then activate its environment: . .venv/bin/activate",
        wrap_text=False,
    )
    raise SystemExit(1) from None

HOST = "localhost"


class InventoryModule(BaseInventoryPlugin):
    NAME = "this_machine"

    def verify_file(self, path):
        return super().verify_file(path) and Path(path).name == "hosts.yml"

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        if problem := commandline.limit_problem(context.CLIARGS.get("subset"), [HOST, "all"]):
            # An AnsibleError would only be a warning here: another inventory plugin might understand the file.
            self.display.error(problem, wrap_text=False)
            raise SystemExit(1)
        inventory.add_host(HOST, "ungrouped")
        inventory.set_variable(HOST, "ansible_connection", "local")
        inventory.set_variable(HOST, "ansible_python_interpreter", sys.executable)
