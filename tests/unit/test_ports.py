"""Ports of this machine, and who listens on them."""

import os
import socket
from collections import namedtuple

import psutil
import pytest

from cloudlab.engine import ports

Connection = namedtuple("Connection", "status laddr pid")
Address = namedtuple("Address", "ip port")


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_the_program_that_listens_is_named_with_its_pid(listener):
    assert not ports.is_free(listener)
    assert ports.holder(listener) == f"{psutil.Process().name()} (pid {os.getpid()})"


def test_where_the_system_hides_connections_the_users_own_processes_are_searched(monkeypatch, listener):
    """As macOS does."""

    def denied(kind):
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    assert ports.holder(listener).endswith(f"(pid {os.getpid()})")


@pytest.mark.parametrize(
    ("status", "holder"),
    [(psutil.CONN_LISTEN, "a process of another user"), (psutil.CONN_ESTABLISHED, "an unknown process")],
)
def test_a_process_of_another_user_is_not_named(monkeypatch, status, holder):
    hidden = Connection(status, Address("127.0.0.1", 5432), None)
    monkeypatch.setattr(psutil, "net_connections", lambda kind: [hidden])
    assert ports.holder(5432) == holder
