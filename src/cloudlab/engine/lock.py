"""One converge of an instance at a time.

The lock names a process: the `ansible-playbook` that runs the play. A lock whose process has ended, or whose process
number was reused since, counts as free.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


class LockedError(RuntimeError):
    """Another process is converging the instance; the message names it."""


def acquire(path: Path, owner: int) -> None:
    """Acquire the lock at `path` for the process `owner`. Raises LockedError while another running process holds it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive(path) as file:
        holder = _read(file)
        if holder and holder["pid"] != owner and _start_time(holder["pid"]) == holder["started"]:
            since = time.strftime("%H:%M:%S", time.localtime(holder["taken"]))
            raise LockedError(
                f"another run (pid {holder['pid']}, since {since}) is converging this instance. "
                "Wait for it to end, or choose another instance with CLOUDLAB_INSTANCE and PORT_OFFSET. "
                f"The lock is {path}."
            )
        file.seek(0)
        file.truncate()
        json.dump({"pid": owner, "started": _start_time(owner), "taken": time.time()}, file)


@contextmanager
def exclusive(path: Path, busy: Callable[[], None] = lambda: None) -> Iterator[TextIO]:
    """The open file at `path`, for one process at a time; the kernel releases it when that process ends.

    busy: called before waiting for another process.
    """
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _read(file: TextIO) -> dict[str, Any] | None:
    try:
        holder = json.load(file)
        return holder if {"pid", "started", "taken"} <= holder.keys() else None
    except (ValueError, AttributeError):
        # Empty, or incomplete because its writer was killed.
        return None


def _start_time(pid: int) -> str | None:
    """The start of a process, which differs when its number is reused; None when there is no such process."""
    try:
        # Field 22 of /proc/<pid>/stat: ticks since boot. psutil converts them with a clock that may be adjusted.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return None
    import psutil

    return str(psutil.Process(pid).create_time()) if psutil.pid_exists(pid) else None
