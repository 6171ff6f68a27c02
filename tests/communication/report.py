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
class Check:
    """One check under way. Its body may set `note`, which is said on its line, and `request_id`.

    path: the components that it passes, in order.
    request_id: of an earlier request whose consequence is checked; without, the check is about the answers to its own
    requests.
    """

    text: str
    path: tuple[str, ...]
    request_id: str = ""
    note: str = ""
    begun: float = field(default_factory=time.monotonic)

    def line(self, verdict: str) -> str:
        """The check on one line, with the time since it began."""
        note = f" ({self.note})" if self.note else ""
        return f"  {verdict:<6} {time.monotonic() - self.begun:7.2f} s  {self.text}{note}"


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
    def check(self, text: str, *services: str, request_id: str = "") -> Iterator[Check]:
        """One check of what passes the gateway and these; it passes when its body ends. Raises Broken otherwise."""
        self.gateway.forget()
        check = Check(text, tuple(dict.fromkeys((GATEWAY, *services))), request_id)
        try:
            yield check
        except FAILURES as error:
            self._fail(check, error)
            raise Broken(text) from error
        self.passed += 1
        self.say(check.line("ok"))

    def _fail(self, check: Check, error: Exception) -> None:
        self.say(check.line("FAILED"))
        answer = getattr(error, "answer", None) or self.gateway.last
        followed = check.request_id or (answer.request_id if answer else "")
        states, logged = self._evidence(check.path, followed)
        hop, why = diagnosis.failed_hop(check.path, states, logged, answer, consequence=bool(check.request_id))
        self.failed.append(f"{hop}: {check.text}")
        for name, value in findings(f"{hop}: {why}", error, answer, followed, logged).items():
            self.say(f"    {name:<8} {value}")

    def _evidence(self, path: tuple[str, ...], request_id: str) -> tuple[Mapping[str, str], Mapping[str, int]]:
        """States of all containers, and who on the way has logged the request. Nothing where the engine is away."""
        hops = [hop for hop in path if hop in (GATEWAY, *SERVICES)]
        try:
            states = self.containers.states()
            if not request_id:
                return states, {}
            lines = trail.gather(self.containers, hops, request_id, self.began, trail.PATIENCE_SECONDS)
        except (requests.RequestException, DockerException) as error:
            self.say(f"    (the engine cannot be asked: {error})")
            return dict.fromkeys(path, diagnosis.HEALTHY), {}
        return states, {component: len(found) for component, found in lines.items()}

    def summary(self) -> str:
        """The last lines."""
        lines = [f"failed at {failure}" for failure in self.failed]
        return "\n".join([*lines, f"{self.passed} checks passed, {len(self.failed)} failed"])


def findings(
    hop: str, error: Exception, answer: Answer | None, request_id: str, logged: Mapping[str, int]
) -> dict[str, str]:
    """What is known of a failure, name -> text."""
    found = {"hop": hop, "cause": " ".join(str(error).split()) or type(error).__name__}
    if answer:
        found |= {"answer": str(answer), "body": answer.excerpt or "(empty)"}
    if logged:
        present = [component for component, count in logged.items() if count]
        absent = [component for component, count in logged.items() if not count]
        found["trail"] = f"{request_id} is in the log of {', '.join(present) or 'nobody'}" + (
            f", and not of {', '.join(absent)}" if absent else ""
        )
    return found
