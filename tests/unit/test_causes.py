"""The engine's messages, explained; each is one that an engine has really sent."""

from __future__ import annotations

import pytest
import requests
from docker.errors import APIError

from cloudlab.engine import causes, ports

SHIM = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            "driver failed programming external connectivity on endpoint x: Bind for 127.0.0.1:5432 failed: port is "
            "already allocated",
            "port 5432 on 127.0.0.1 is published by the container other-db. Stop that one",
        ),
        (
            "driver failed programming external connectivity on endpoint x: Error starting userland proxy: listen "
            "tcp4 127.0.0.1:5432: bind: address already in use",
            "port 5432 on 127.0.0.1 is already in use by java (pid 812)",
        ),
        (
            "Error starting userland proxy: listen tcp4 10.9.9.9:80: bind: cannot assign requested address",
            "no address 10.9.9.9",
        ),
        (
            f"{SHIM}error during container init: error setting rlimit type 7: operation not permitted",
            "the limit nofile is above",
        ),
        (f"{SHIM}error setting rlimit type 8: invalid argument", "the limit memlock is above"),
        (f"{SHIM}error setting rlimit type 99: invalid argument", "the limit number 99 is above"),
        ("network lab-front not found", "the network lab-front does not exist. Create it"),
        ("write /var/lib/docker/tmp/x: no space left on device", "the engine's disk is full"),
        ("No such image: web:1", "the image web:1 does not exist. Build"),
        ('invalid mount config for type "bind": bind source path does not exist: /x y', "the engine cannot find /x y"),
        (
            f'{SHIM}exec: "serve": executable file not found in $PATH: unknown',
            "the program serve does not exist in the image",
        ),
        (
            f'{SHIM}exec: "/x": stat /x: no such file or directory: unknown',
            "the program /x does not exist in the image",
        ),
        (f'{SHIM}exec: "/x": permission denied: unknown', "the program /x is not an executable file in the image"),
        (
            "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
            "cpus: the engine accepts 0.01 to 2.00",
        ),
        ("unable to find user web: no matching entries in passwd file", "the image has no user web"),
        (
            "failed to set up container networking: failed to add interface veth76d to sandbox: error setting "
            'interface "veth76d" IPv6 to <nil>: failed to configure ipv6: '
            "failed to disable IPv6 on container's interface eth0",
            "/proc/sys/net is read-only",
        ),
        ("removal of container abc is already in progress", "still removing it"),
        ("something unheard of", "the engine reports: something unheard of"),
    ],
)
def test_known_errors_are_explained(monkeypatch, message, cause):
    monkeypatch.setattr(ports, "holder", lambda port: "java (pid 812)")
    assert cause in causes.explain(APIError("500 Server Error", explanation=message), lambda port: "other-db")


def test_errors_of_the_connection_and_of_the_disk():
    assert "did not answer in time" in causes.explain(requests.exceptions.ReadTimeout())
    assert "the connection to the engine broke" in causes.explain(requests.exceptions.ConnectionError())
    assert (
        causes.explain(PermissionError(13, "Permission denied", "/x"))
        == "the file /x cannot be written: Permission denied"
    )


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        ({"ExitCode": 1}, "it exited with code 1"),
        ({"ExitCode": 0}, "it exited without an error"),
        ({"ExitCode": 127}, "does not exist"),
        ({"ExitCode": 126}, "could not be executed"),
        ({"ExitCode": 137}, "it was killed by SIGKILL (exit code 137)"),
        ({"ExitCode": 255}, "it exited with code 255"),
        ({"ExitCode": 137, "OOMKilled": True}, "it ran out of memory"),
        ({"ExitCode": 128, "Error": f"{SHIM}error setting rlimit type 7: x"}, "the limit nofile"),
    ],
)
def test_endings(state, cause):
    assert cause in causes.ending(state)
