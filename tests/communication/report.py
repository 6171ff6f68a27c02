"""What the proof prints: one line per check, and for one that fails, the hop and the evidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import psycopg
import requests
from docker.errors import DockerException

from communication import diagnosis, trail
from communication.containers import Containers
from communication.gateway import Answer, Gateway
from communication.instance import GATEWAY, SERVICES

# What a check may end with. Anything else is a mistake in the proof itself.
FAILURES = (AssertionError, grpc.RpcError, psycopg.Error, requests.RequestException, DockerException)


class Broken(Exception):
    """A check failed, and was reported; what builds on it cannot be checked."""


@dataclass
class Note:
    """What a check wants to have said on its line."""

    text: str = ""


@dataclass
class Report:
    """Prints the checks of a run by `say`, and counts them."""

    gateway: Gateway
    containers: Containers
    say: Callable[[str], None] = print
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.time)

    def heading(self, text: str) -> None:
        """What the following checks are about."""
        self.say(f"\n{text}")

    @contextmanager
    def check(self, text: str, *path: str, request_id: str = "") -> Iterator[Note]:
        """One check; it passes when its body ends. Raises Broken when that fails.

        :param path: the components that it passes, in order; the last one is what it is about.
        :param request_id: of an earlier request whose consequence is checked; default: of the body's last request.
        """
        self.gateway.forget()
        note, begun = Note(), time.monotonic()
        try:
            yield note
        except FAILURES as error:
            self._fail(text, time.monotonic() - begun, path, request_id, error)
            raise Broken(text) from error
        self.passed += 1
        self.say(line("ok", time.monotonic() - begun, text, note.text))

    def _fail(self, text: str, seconds: float, path: tuple[str, ...], request_id: str, error: Exception) -> None:
        answer = getattr(error, "answer", None) or self.gateway.last
        request_id = request_id or (answer.request_id if answer else "")
        states, logged = self._evidence(path, request_id)
        hop, why = diagnosis.failed_hop(path, states, logged, answer)
        self.failed.append(f"{hop}: {text}")
        self.say(line("FAILED", seconds, text))
        for name, value in findings(hop, why, error, answer, request_id, logged).items():
            self.say(f"    {name:<8} {value}")

    def _evidence(self, path: tuple[str, ...], request_id: str) -> tuple[Mapping[str, str], Mapping[str, int]]:
        """States of all containers, and who on the way has logged the request. Nothing where the engine is away."""
        hops = [hop for hop in dict.fromkeys((GATEWAY, *path)) if hop in (GATEWAY, *SERVICES)]
        try:
            states = self.containers.states()
            logged = trail.gather(self.containers, hops, request_id, self.began) if request_id else {}
        except (requests.RequestException, DockerException) as error:
            self.say(f"    (the engine cannot be asked: {error})")
            return dict.fromkeys(path, diagnosis.HEALTHY), {}
        return states, logged

    def summary(self) -> str:
        """The last lines."""
        lines = [f"failed at {failure}" for failure in self.failed]
        return "\n".join([*lines, f"{self.passed} checks passed, {len(self.failed)} failed"])


def line(verdict: str, seconds: float, text: str, note: str = "") -> str:
    """One check on one line."""
    return f"  {verdict:<6} {seconds:7.2f} s  {text}{f' ({note})' if note else ''}"


def findings(
    hop: str, why: str, error: Exception, answer: Answer | None, request_id: str, logged: Mapping[str, int]
) -> dict[str, str]:
    """What is known of a failure, name -> text."""
    found = {"hop": f"{hop}: {why}", "cause": " ".join(str(error).split()) or type(error).__name__}
    if answer:
        found |= {"answer": str(answer), "body": answer.excerpt or "(empty)"}
    if logged:
        present = [component for component, count in logged.items() if count]
        absent = [component for component, count in logged.items() if not count]
        found["trail"] = f"{request_id} is in the log of {', '.join(present) or 'nobody'}" + (
            f", and not of {', '.join(absent)}" if absent else ""
        )
    return found
