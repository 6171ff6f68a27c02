"""What a person sees of a run: what was changed, how long it took, and what went wrong, once and in plain words."""

from __future__ import annotations

DOCUMENTATION = """
name: progress
type: stdout
short_description: A line per change, with elapsed time
extends_documentation_fragment:
  - default_callback
  - result_format_callback
description:
  - Shows a line for every task that changed something or took long, with the time since the start, and at the end
    whether there was anything to do. Tasks that found what they wanted are silent.
  - A failure is shown once, with the task's message.
  - With C(-v) it is Ansible's default output.
  - With C(-e format=json) all of this goes to standard error; standard output is for a program, and holds only what the
    play itself prints.
"""

import time

from ansible import constants as C
from ansible import context
from ansible.plugins.callback.default import CallbackModule as DefaultCallback

from cloudlab.ansible import commandline

# A task that changed nothing is worth a line when somebody had to wait for it.
LONG_SECONDS = 3
# How much of a failed command's own words is shown.
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
        # Ansible looks for the task to start at before it asks for variables; this is the last chance to refuse.
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
        # Ansible has shown a task's error already when its action failed; what is left to say is which task it was.
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
                told = (
                    f"{changed} tasks changed something" if changed else "nothing to do, everything is as it should be"
                )
                self._say(f"done: {told} ({took:.1f} s)", C.COLOR_CHANGED if changed else C.COLOR_OK)
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
