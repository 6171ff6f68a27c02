"""The inventory: this machine."""

from __future__ import annotations

DOCUMENTATION = """
name: this_machine
short_description: The machine that Ansible runs on
description:
  - Contains C(localhost), with the Python interpreter that runs Ansible.
  - Rejects unknown names in C(--limit), with the valid names.
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
    from cloudlab.ansible import collector, commandline
except ImportError as error:
    # This is the first plugin of a run, and an exception here would print a traceback.
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
        # Here, because this is the first plugin of a run.
        collector.collect_rarely()
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        if problem := commandline.limit_problem(context.CLIARGS.get("subset"), [HOST, "all"]):
            # An AnsibleError would only be a warning, because another inventory plugin could parse the file.
            self.display.error(problem, wrap_text=False)
            raise SystemExit(1)
        inventory.add_host(HOST, "ungrouped")
        inventory.set_variable(HOST, "ansible_connection", "local")
        inventory.set_variable(HOST, "ansible_python_interpreter", sys.executable)
