"""Errors of the engine and ends of processes: the cause and how to fix it, and the last log lines of a container."""

import re
import signal
from collections.abc import Callable, Mapping
from typing import Any

import requests
from docker.errors import APIError, DockerException

from cloudlab.engine import ports

Publisher = Callable[[int], str | None]  # host port -> the container that publishes it

LOG_LINES = 15
# Resource limits of Linux by their number, which the engine's messages have.
_RLIMITS = (
    "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
    "msgqueue", "nice", "rtprio", "rttime",
)  # fmt: skip


def explain(error: Exception, publisher: Publisher = lambda port: None) -> str:
    """The cause of a failed request and how to fix it; the engine's message where it is not a known one."""
    if isinstance(error, requests.exceptions.Timeout):
        return "the engine did not answer in time; it may hang or be overloaded. Read its log: journalctl -u docker"
    if isinstance(error, requests.exceptions.ConnectionError) and not isinstance(error, APIError):
        return "the connection to the engine broke. Start the engine, then run this again"
    message = str(getattr(error, "explanation", None) or error).strip()
    for pattern, explanation in _EXPLANATIONS:
        if match := re.search(pattern, message, re.IGNORECASE | re.DOTALL):
            return explanation(match, publisher)
    if isinstance(error, OSError) and error.filename:
        return f"the file {error.filename} cannot be written: {error.strerror}"
    return f"the engine reports: {message}" if isinstance(error, APIError | DockerException) else message


def _published(match: re.Match[str], publisher: Publisher) -> str:
    holder = publisher(int(match["port"]))
    return (
        f"port {match['port']} on {match['address']} is published by "
        f"{f'the container {holder}' if holder else 'another container'}. "
        "Stop that one, or set another port, then run this again"
    )


def _in_use(match: re.Match[str], _: Publisher) -> str:
    return (
        f"port {match['port']} on {match['address']} is already in use by {ports.holder(int(match['port']))}. Stop it, "
        "or set another port, then run this again"
    )


def _rlimit(match: re.Match[str], _: Publisher) -> str:
    number = int(match["type"])
    name = _RLIMITS[number] if number < len(_RLIMITS) else f"number {number}"
    return (
        f"ulimits: the limit {name} is above the engine's own. Lower it in the specification, or raise the engine's "
        "(LimitNOFILE and the like in its service, `ulimit -H` where it is started by hand)"
    )


def _no_program(match: re.Match[str], _: Publisher) -> str:
    why = "is not an executable file" if "permission" in match["why"] else "does not exist"
    return f"the program {match['program']} {why} in the image. Correct entrypoint, command or image"


# Pattern of the engine's message -> its explanation.
_EXPLANATIONS: tuple[tuple[str, Callable[[re.Match[str], Publisher], str]], ...] = (
    (r"Bind for (?P<address>\S+):(?P<port>\d+) failed: port is already allocated", _published),
    (r"(?P<address>[\d.]+|\[[^\]]*\]):(?P<port>\d+): bind: address already in use", _in_use),
    (
        r"(?P<address>[\d.]+|\[[^\]]*\]):(?P<port>\d+): bind: cannot assign requested address",
        lambda match, _: f"published_ports: this machine has no address {match['address']}",
    ),
    (r"error setting rlimit type (?P<type>\d+)", _rlimit),
    (
        r"network (?P<network>\S+) not found|No such network: (?P<other>\S+)",
        lambda match, _: (
            f"the network {match['network'] or match['other']} does not exist. Create it and run this again"
        ),
    ),
    (
        r"no space left on device",
        lambda match, _: "the engine's disk is full. `docker system df` shows what uses the space",
    ),
    (
        r"No such image: (?P<image>\S+)|pull access denied for (?P<other>\S+?),",
        lambda match, _: f"the image {match['image'] or match['other']} does not exist. Build or pull it first",
    ),
    (
        r"bind source path does not exist: (?P<path>[^\n]+)",
        lambda match, _: f"mounts: the engine cannot find {match['path'].strip()}. Create it, or correct the path",
    ),
    (
        r"exec: \"?(?P<program>[^\":]+)\"?: "
        r"(?P<why>executable file not found in \$PATH|permission denied|stat [^:]+: no such file or directory)",
        _no_program,
    ),
    (
        r"range of cpus is from (?P<least>[\d.]+) to (?P<most>[\d.]+)",
        lambda match, _: f"cpus: the engine accepts {match['least']} to {match['most']}, the CPUs that it has",
    ),
    (
        r"unable to find user (?P<user>[^:]+): no matching entries in passwd file",
        lambda match, _: f"user: the image has no user {match['user']}. Set its number",
    ),
    (
        r"failed to disable IPv6 on container's interface \S+",
        lambda match, _: (
            "/proc/sys/net is read-only where the engine runs, but the engine must disable IPv6 on the container's "
            "interface. If the engine runs in a container, start that one with --privileged or "
            "--security-opt systempaths=unconfined"
        ),
    ),
    (
        r"removal of container \S+ is already in progress",
        lambda match, _: "the engine is still removing it. Run this again in a moment",
    ),
)


def ending(state: Mapping[str, Any]) -> str:
    """How a process ended, from State of an inspected container."""
    code = state.get("ExitCode", 0)
    if state.get("OOMKilled"):
        return f"it ran out of memory (exit code {code}). Raise `memory`"
    if state.get("Error"):
        return f"it could not run: {explain(APIError(state['Error'], explanation=state['Error']))}"
    if code > 128 and code - 128 in [number.value for number in signal.Signals]:
        return f"it was killed by {signal.Signals(code - 128).name} (exit code {code})"
    if state.get("Status") == "created":
        return "it was never started"
    return _ENDINGS.get(code, f"it exited with code {code}")


_ENDINGS = {
    0: "it exited without an error (exit code 0)",
    126: "its program could not be executed (exit code 126)",
    127: "its program or one that it calls does not exist (exit code 127)",
}


def last_lines(client: Any, container: str, count: int = LOG_LINES) -> list[str]:
    """The container's last log lines, both streams; empty where the engine cannot give them."""
    try:
        raw: bytes = client.logs(container, tail=count, stdout=True, stderr=True)
    except (DockerException, requests.exceptions.RequestException):
        return []  # a log that cannot be read must not hide the failure that is being reported
    return raw.decode("utf-8", "replace").splitlines()[-count:]
