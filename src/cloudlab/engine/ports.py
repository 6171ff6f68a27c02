"""Who listens on a port of this machine."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

_LISTEN = "0A"


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a program could listen on `address`:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections that are closing do not count; a program that listens still does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            # A port below 1024 may need a privilege that the engine has and this user has not.
            return error.errno == errno.EACCES
    return True


def holder(port: int) -> str:
    """The program that listens on `port`, as `name (process 123)`; what can be told when it belongs to someone else."""
    inodes = _listening_inodes(port)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(_inode(link) in inodes for link in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (process {process.name})"
        except OSError:
            # It ended meanwhile, or it is another user's.
            continue
    return "a process of another user" if inodes else "a process that could not be found"


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _inode(link: Path) -> str:
    target = str(link.readlink())
    return target[len("socket:[") : -1] if target.startswith("socket:[") else ""
