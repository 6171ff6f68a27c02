"""Runs of ansible-playbook with their cost."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import ROOT

ANSIBLE = Path(__file__).resolve().parent / "ansible"


class MeasureError(RuntimeError):
    """Something that was to be measured did not work; the message says what, and what it printed."""


@dataclass(frozen=True)
class Cost:
    """Wall-clock time, and processor time (user and system) of the process with all its children; in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Timing:
    """One task of a play: its name, the action it calls, how many seconds it took, and whether it changed anything."""

    task: str
    action: str
    seconds: float
    changed: bool


def playbook(environ: Mapping[str, str], path: Path, *arguments: str) -> Cost:
    """Run a playbook to its end. Raises MeasureError with what it printed when it fails."""
    command = ["ansible-playbook", "--inventory", str(ROOT / "inventory"), str(path), *arguments]
    with tempfile.TemporaryFile() as output:
        begun = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(environ), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            # Of exactly this process and the children it waited for.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            text = output.read().decode(errors="replace")
            raise MeasureError(f"{' '.join(command)}: exit status {process.returncode}\n{text}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def timed_tasks(environ: Mapping[str, str], path: Path, *arguments: str) -> list[Timing]:
    """Run a playbook and return what each of its tasks took."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tasks"
        playbook(
            environ
            | {
                "ANSIBLE_CALLBACK_PLUGINS": f"{ROOT / 'plugins' / 'callback'}:{ANSIBLE / 'callback_plugins'}",
                "ANSIBLE_CALLBACKS_ENABLED": "task_times",
                "CLOUDLAB_TASK_TIMES": str(file),
            },
            path,
            *arguments,
        )
        return [Timing(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
