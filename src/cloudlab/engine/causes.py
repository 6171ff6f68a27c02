"""Errors of the engine and ends of processes: the cause and how to fix it, and the last log lines of a container."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Mapping
from typing import Any

import requests
from docker.errors import APIError, DockerException

from cloudlab.engine import ports

# Numbers of resource limits on Linux, as the engine's messages name them.
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
Translation = Callable[[re.Match[str], Publisher], str]
_TRANSLATIONS: list[tuple[re.Pattern[str], Translation]] = []

LOG_LINES = 15


def _says(pattern: str) -> Callable[[Translation], Translation]:
    """Register a translation of the engine's messages that match."""

    def register(translate: Translation) -> Translation:
        _TRANSLATIONS.append((re.compile(pattern, re.IGNORECASE | re.DOTALL), translate))
        return translate

    return register


def explain(error: Exception, publisher: Publisher = lambda port: None) -> str:
    """The cause of a failed request in plain words; the engine's own, where nobody translated them."""
    if isinstance(error, requests.exceptions.Timeout):
        return "the engine did not answer in time; it may hang or be overloaded: look at its log (journalctl -u docker)"
    if isinstance(error, requests.exceptions.ConnectionError) and not isinstance(error, APIError):
        return "the connection to the engine broke; has it been stopped? Run this again once it is up"
    said = str(getattr(error, "explanation", None) or error).strip()
    for pattern, translate in _TRANSLATIONS:
        if match := pattern.search(said):
            return translate(match, publisher)
    if isinstance(error, OSError) and error.filename:
        return f"the file {error.filename} cannot be written: {error.strerror}"
    return f"the engine says: {said}" if isinstance(error, APIError | DockerException) else said


@_says(r"Bind for (?P<address>\S+):(?P<port>\d+) failed: port is already allocated")
def _taken_by_container(match: re.Match[str], publisher: Publisher) -> str:
    holder = publisher(int(match["port"]))
    return (
        f"port {match['port']} on {match['address']} is published by "
        f"{f'the container {holder}' if holder else 'another container'} already. "
        "Stop that one, or set another port; a repeated run starts this container"
    )


@_says(r"(?P<address>[\d.]+|\[[^\]]*\]):(?P<port>\d+): bind: address already in use")
def _taken_by_process(match: re.Match[str], _publisher: Publisher) -> str:
    port = int(match["port"])
    return (
        f"port {port} on {match['address']} is in use by {ports.holder(port)}. Stop it, or set another port; "
        "a repeated run starts this container"
    )


@_says(r"(?P<address>[\d.]+|\[[^\]]*\]):(?P<port>\d+): bind: cannot assign requested address")
def _no_such_address(match: re.Match[str], _publisher: Publisher) -> str:
    return f"published_ports: this machine has no address {match['address']}"


@_says(r"error setting rlimit type (?P<type>\d+)")
def _rlimit(match: re.Match[str], _publisher: Publisher) -> str:
    number = int(match["type"])
    name = _RLIMITS[number] if number < len(_RLIMITS) else f"number {number}"
    return (
        f"ulimits: the limit {name} is above what the engine itself may have. Lower it in the specification, or raise "
        f"the engine's own (LimitNOFILE and the like in its service, `ulimit -H` where it is started by hand)"
    )


@_says(r"network (?P<network>\S+) not found|No such network: (?P<other>\S+)")
def _no_network(match: re.Match[str], _publisher: Publisher) -> str:
    return f"the network {match['network'] or match['other']} does not exist (any more); create it and run this again"


@_says(r"no space left on device")
def _disk_full(_match: re.Match[str], _publisher: Publisher) -> str:
    return "the engine's disk is full; `docker system df` shows what holds the space"


@_says(r"No such image: (?P<image>\S+)|pull access denied for (?P<other>\S+?),")
def _no_image(match: re.Match[str], _publisher: Publisher) -> str:
    return f"the image {match['image'] or match['other']} does not exist here; build or pull it first"


@_says(r"bind source path does not exist: (?P<path>[^\n]+)")
def _no_source(match: re.Match[str], _publisher: Publisher) -> str:
    return f"mounts: the engine sees no {match['path'].strip()}; create it, or correct the path"


@_says(
    r"exec: \"?(?P<program>[^\":]+)\"?: "
    r"(?P<why>executable file not found in \$PATH|permission denied|stat [^:]+: no such file or directory)"
)
def _no_program(match: re.Match[str], _publisher: Publisher) -> str:
    why = "is not an executable file" if "permission" in match["why"] else "does not exist"
    return f"the program {match['program']} {why} in the image; correct entrypoint, command or image"


@_says(r"range of cpus is from (?P<least>[\d.]+) to (?P<most>[\d.]+)")
def _too_many_cpus(match: re.Match[str], _publisher: Publisher) -> str:
    return f"cpus: the engine takes {match['least']} to {match['most']}, for it has no more"


@_says(r"unable to find user (?P<user>[^:]+): no matching entries in passwd file")
def _no_user(match: re.Match[str], _publisher: Publisher) -> str:
    return f"user: the image knows no user {match['user']}; give its number"


@_says(r"removal of container \S+ is already in progress")
def _removal(_match: re.Match[str], _publisher: Publisher) -> str:
    return "the engine is still removing it; run this again in a moment"


def ending(state: Mapping[str, Any]) -> str:
    """How a process ended, from State of an inspected container."""
    code = state.get("ExitCode", 0)
    if state.get("OOMKilled"):
        return f"it was killed because it needed more memory than its limit (exit code {code}); raise `memory`"
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
