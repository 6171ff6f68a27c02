"""The checks of published ports, with sockets of this machine."""

import contextlib
import socket
import threading

import pytest

from cloudlab.model.checks import FAILED, OK
from cloudlab.validate import ports


@contextlib.contextmanager
def listener(answer):
    """A port; `answer` is called with every connection."""

    def accept():
        with contextlib.suppress(OSError):
            while True:
                answer(server.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def port_of(number):
    return ports.Port("redis", "redis", number, 6379)


def container(*sides, running=True, health="healthy"):
    bindings = [{"HostIp": address, "HostPort": str(number)} for address, number in sides]
    return {
        "State": {"Status": "running", "Running": running, "Paused": False, "Health": {"Status": health}},
        "NetworkSettings": {"Ports": {"6379/tcp": bindings or None}},
    }


def test_a_server_that_waits_for_a_request_passes():
    kept = []
    with listener(kept.append) as number:
        [check] = ports.checks(port_of(number), container(("127.0.0.1", number)))
    [connection] = kept
    connection.close()
    assert check.state == OK


def test_a_server_that_writes_first_passes():
    with listener(lambda connection: connection.sendall(b"+OK") or connection.close()) as number:
        [check] = ports.checks(port_of(number), container(("127.0.0.1", number)))
    assert check.state == OK


def test_a_port_without_a_listening_process_fails():
    with listener(lambda connection: connection.close()) as number:
        [check] = ports.checks(port_of(number), container(("127.0.0.1", number)))
    assert (check.state, check.text) == (FAILED, "closes connections: no process listens in the container")


@pytest.fixture
def unused():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_closed_port_fails(unused):
    [check] = ports.checks(port_of(unused), container(("127.0.0.1", unused)))
    assert check.text == "refuses connections: Connection refused"


def test_a_wrong_binding_fails(unused):
    wrong = [
        (container(), "not published"),
        (container(("0.0.0.0", unused)), f"published on 0.0.0.0:{unused} instead"),
        (container(("127.0.0.1", unused), ("0.0.0.0", unused)), f"also published on 0.0.0.0:{unused}"),
    ]
    for found, told in wrong:
        [check] = ports.checks(port_of(unused), found)
        assert (check.state, check.text) == (FAILED, told)


def test_the_port_of_a_stopped_container_fails_only_if_it_is_in_use(unused):
    assert ports.checks(port_of(unused), container(running=False)) == []
    assert ports.checks(port_of(unused), None) == []
    with listener(lambda connection: connection.close()) as number:
        [check] = ports.checks(port_of(number), container(running=False))
    assert check.text.startswith("already in use by ")


def test_the_port_of_an_unhealthy_container_is_ignored(unused):
    assert ports.checks(port_of(unused), container(("127.0.0.1", unused), health="unhealthy")) == []
