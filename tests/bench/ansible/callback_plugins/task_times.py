"""Writes what each task took to the file that CLOUDLAB_TASK_TIMES names, a JSON object per line."""

from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: Times of tasks, for programs
description:
  - Writes {"task", "action", "seconds", "changed"} of each task that ran, for plays on one host.
  - The time is from the task's start to its result, as the process that runs the play sees it.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task, is_conditional):
        # The name as it is now, with its variables; afterwards it is a template again.
        self._name, self._began = task.get_name().strip(), time.monotonic()

    def v2_runner_on_ok(self, result):
        record = {
            "task": self._name,
            "action": result.task.action,
            "seconds": time.monotonic() - self._began,
            "changed": bool(result.result.get("changed")),
        }
        with open(os.environ["CLOUDLAB_TASK_TIMES"], "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
