"""Ports of this machine: whether one is free, and the program that listens on it."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any


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
    """The program that listens on `port`, as `name (pid 123)`; less where it belongs to another user."""
    import psutil  # takes 30 ms, which only a failing run should pay

    pids = {
        pid
        for pid, connection in _connections()
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
    for pid in filter(None, pids):
        with contextlib.suppress(psutil.Error):
            return f"{psutil.Process(pid).name()} (pid {pid})"
    return "a process of another user" if pids else "an unknown process"


def _connections() -> Iterator[tuple[int | None, Any]]:
    """(process id, TCP connection). macOS shows users only the connections of their own processes."""
    import psutil

    try:
        yield from ((connection.pid, connection) for connection in psutil.net_connections("tcp"))
    except psutil.AccessDenied:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                yield from ((process.pid, connection) for connection in process.net_connections("tcp"))
