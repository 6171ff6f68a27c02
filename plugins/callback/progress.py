"""The output of a run: a line per change, with durations, and each failure once."""

from __future__ import annotations

DOCUMENTATION = """
name: progress
type: stdout
short_description: A line per change, with elapsed time
extends_documentation_fragment:
  - default_callback
  - result_format_callback
description:
  - Prints a line for each task that changed something or took long, with the time since the start, and at the end the
    number of changed tasks. Other tasks print nothing.
  - A failure is printed once, with the message of the task.
  - With C(-v), prints Ansible's default output.
  - With C(-e format=json), prints to standard error; standard output contains only the output of the play itself.
"""

import time

from ansible import constants as C
from ansible import context
from ansible.plugins.callback.default import CallbackModule as DefaultCallback

from cloudlab.ansible import commandline

# A task without changes is printed only if it takes at least this long.
LONG_SECONDS = 3
# Number of lines of a failed command's output.
ERROR_LINES = 15


class CallbackModule(DefaultCallback):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "progress"

    def __init__(self):
        super().__init__()
        self._began = time.monotonic()
        self._task_began = self._began
        self._for_program = False

    def v2_playbook_on_start(self, playbook):
        # Ansible skips to --start-at-task before it loads variables, so the option must be rejected here.
        if problem := commandline.problem(context.CLIARGS):
            self._display.error(problem, wrap_text=False)
            raise SystemExit(1)
        super().v2_playbook_on_start(playbook)

    @property
    def _is_brief(self):
        return self._display.verbosity == 0

    def v2_playbook_on_play_start(self, play):
        if not self._is_brief:
            super().v2_playbook_on_play_start(play)
            return
        self._play = play
        self._for_program = play.get_variable_manager().extra_vars.get("format") == "json"
        self._say(f"{play.get_name().strip()}", C.COLOR_HIGHLIGHT)

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._task_began = time.monotonic()
        super().v2_playbook_on_task_start(task, is_conditional)

    def _print_task_banner(self, task):
        # The brief output names a task on the line of its result.
        if self._is_brief:
            self._last_task_banner = task._uuid
        else:
            super()._print_task_banner(task)

    def v2_runner_on_ok(self, result):
        if not self._is_brief:
            super().v2_runner_on_ok(result)
            return
        self._handle_warnings_and_exception(result)
        took = time.monotonic() - self._task_began
        if result.result.get("changed"):
            self._say(f"{self._name(result)}{_duration(took)}", C.COLOR_CHANGED)
        elif took >= LONG_SECONDS:
            self._say(f"{self._name(result)}{_duration(took)}", C.COLOR_OK)

    def v2_runner_item_on_ok(self, result):
        if not self._is_brief:
            super().v2_runner_item_on_ok(result)

    def v2_runner_on_skipped(self, result):
        if not self._is_brief:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_skipped(self, result):
        if not self._is_brief:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        # Ansible has already printed the error of a failed action, but not the name of its task.
        if not self._is_brief:
            super().v2_runner_on_failed(result, ignore_errors)
            return
        self._handle_warnings_and_exception(result)
        self._say(f"FAILED  {self._name(result)}", C.COLOR_ERROR)
        for line in str(result.result.get("stderr", "")).splitlines()[-ERROR_LINES:]:
            self._display.display(f"       {line}", color=C.COLOR_ERROR, stderr=self._for_program)

    def v2_playbook_on_stats(self, stats):
        if self._is_brief:
            took = time.monotonic() - self._began
            changed = sum(stats.changed.values())
            if not stats.failures:
                text = f"{changed} task{'s' if changed > 1 else ''} changed" if changed else "no changes"
                self._say(f"{text} ({took:.1f} s)", C.COLOR_CHANGED if changed else C.COLOR_OK)
        if not self._for_program:
            super().v2_playbook_on_stats(stats)

    def _say(self, text, color):
        elapsed = int(time.monotonic() - self._began)
        line = f"{elapsed // 60:02d}:{elapsed % 60:02d}  {text}"
        self._display.display(line, color=color, stderr=self._for_program)

    def _name(self, result):
        mark = " (check mode)" if result.task.check_mode else ""
        return f"{result.task.get_name().strip()}{mark}"


def _duration(seconds):
    return f"  ({seconds:.1f} s)" if seconds >= 1 else ""
