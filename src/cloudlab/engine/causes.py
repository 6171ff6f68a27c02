"""Errors of the engine and ends of processes: the cause and how to fix it, and the last log lines of a container."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Mapping
from typing import Any

import requests
from docker.errors import APIError, DockerException

from cloudlab.engine import ports

# Resource limits of Linux by their number, which the engine's messages have.
_RLIMITS = [
    "cpu",
    "fsize",
    "data",
    "stack",
    "core",
    "rss",
    "nproc",
    "nofile",
    "memlock",
    "as",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "rttime",
]

Publisher = Callable[[int], str | None]  # host port -> the container that publishes it
Explanation = Callable[[re.Match[str], Publisher], str]
_EXPLANATIONS: list[tuple[re.Pattern[str], Explanation]] = []

LOG_LINES = 15


def _matches(pattern: str) -> Callable[[Explanation], Explanation]:
    """Register an explanation of the engine's messages that match."""

    def register(explanation: Explanation) -> Explanation:
        _EXPLANATIONS.append((re.compile(pattern, re.IGNORECASE | re.DOTALL), explanation))
        return explanation

    return register


def explain(error: Exception, publisher: Publisher = lambda port: None) -> str:
    """The cause of a failed request and how to fix it; the engine's message where it is not a known one."""
    if isinstance(error, requests.exceptions.Timeout):
        return "the engine did not answer in time; it may hang or be overloaded. Read its log: journalctl -u docker"
    if isinstance(error, requests.exceptions.ConnectionError) and not isinstance(error, APIError):
        return "the connection to the engine broke. Start the engine, then run this again"
    message = str(getattr(error, "explanation", None) or error).strip()
    for pattern, explanation in _EXPLANATIONS:
        if match := pattern.search(message):
            return explanation(match, publisher)
    if isinstance(error, OSError) and error.filename:
        return f"the file {error.filename} cannot be written: {error.strerror}"
    return f"the engine reports: {message}" if isinstance(error, APIError | DockerException) else message


@_matches(r"Bind for (?P<address>\S+):(?P<port>\d+) failed: port is already allocated")
def _taken_by_container(match: re.Match[str], publisher: Publisher) -> str:
    holder = publisher(int(match["port"]))
    return (
        f"port {match['port']} on {match['address']} is published by "
        f"{f'the container {holder}' if holder else 'another container'}. "
        "Stop that one, or set another port, then run this again"
    )


@_matches(r"(?P<address>[\d.]+|\[[^\]]*\]):(?P<port>\d+): bind: address already in use")
def _taken_by_process(match: re.Match[str], _publisher: Publisher) -> str:
    port = int(match["port"])
    return (
        f"port {port} on {match['address']} is already in use by {ports.holder(port)}. Stop it, "
        "or set another port, then run this again"
    )


@_matches(r"(?P<address>[\d.]+|\[[^\]]*\]):(?P<port>\d+): bind: cannot assign requested address")
def _no_such_address(match: re.Match[str], _publisher: Publisher) -> str:
    return f"published_ports: this machine has no address {match['address']}"


@_matches(r"error setting rlimit type (?P<type>\d+)")
def _rlimit(match: re.Match[str], _publisher: Publisher) -> str:
    number = int(match["type"])
    name = _RLIMITS[number] if number < len(_RLIMITS) else f"number {number}"
    return (
        f"ulimits: the limit {name} is above the engine's own. Lower it in the specification, or raise the engine's "
        "(LimitNOFILE and the like in its service, `ulimit -H` where it is started by hand)"
    )


@_matches(r"network (?P<network>\S+) not found|No such network: (?P<other>\S+)")
def _no_network(match: re.Match[str], _publisher: Publisher) -> str:
    return f"the network {match['network'] or match['other']} does not exist. Create it and run this again"


@_matches(r"no space left on device")
def _disk_full(_match: re.Match[str], _publisher: Publisher) -> str:
    return "the engine's disk is full. `docker system df` shows what uses the space"


@_matches(r"No such image: (?P<image>\S+)|pull access denied for (?P<other>\S+?),")
def _no_image(match: re.Match[str], _publisher: Publisher) -> str:
    return f"the image {match['image'] or match['other']} does not exist. Build or pull it first"


@_matches(r"bind source path does not exist: (?P<path>[^\n]+)")
def _no_source(match: re.Match[str], _publisher: Publisher) -> str:
    return f"mounts: the engine cannot find {match['path'].strip()}. Create it, or correct the path"


@_matches(
    r"exec: \"?(?P<program>[^\":]+)\"?: "
    r"(?P<why>executable file not found in \$PATH|permission denied|stat [^:]+: no such file or directory)"
)
def _no_program(match: re.Match[str], _publisher: Publisher) -> str:
    why = "is not an executable file" if "permission" in match["why"] else "does not exist"
    return f"the program {match['program']} {why} in the image. Correct entrypoint, command or image"


@_matches(r"range of cpus is from (?P<least>[\d.]+) to (?P<most>[\d.]+)")
def _too_many_cpus(match: re.Match[str], _publisher: Publisher) -> str:
    return f"cpus: the engine accepts {match['least']} to {match['most']}, the CPUs that it has"


@_matches(r"unable to find user (?P<user>[^:]+): no matching entries in passwd file")
def _no_user(match: re.Match[str], _publisher: Publisher) -> str:
    return f"user: the image has no user {match['user']}. Set its number"


@_matches(r"removal of container \S+ is already in progress")
def _removal(_match: re.Match[str], _publisher: Publisher) -> str:
    return "the engine is still removing it. Run this again in a moment"


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
