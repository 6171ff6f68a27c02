"""The output: one line per check, and for a failed one, the failed component and the evidence."""

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

# Errors that fail a check. Any other exception is a bug in the tests.
FAILURES = (AssertionError, grpc.RpcError, psycopg.Error, requests.RequestException, DockerException)


class Broken(Exception):
    """A check failed and was reported; checks that depend on it cannot run."""


@dataclass
class Check:
    """A check in progress. Its body may set `note`, which is printed on its line, and `request_id`.

    path: the components that its requests pass, in order.
    request_id: of an earlier request whose effects are checked; if empty, the check is about its own requests.
    """

    text: str
    path: tuple[str, ...]
    request_id: str = ""
    note: str = ""
    start: float = field(default_factory=time.monotonic)

    def line(self, verdict: str) -> str:
        """The check on one line, with its duration."""
        note = f" ({self.note})" if self.note else ""
        return f"  {verdict:<6} {time.monotonic() - self.start:7.2f} s  {self.text}{note}"


@dataclass
class Report:
    """Prints the checks of a run by `say`, and counts them."""

    gateway: Gateway
    containers: Containers
    say: Callable[[str], None] = print
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.time)

    def heading(self, text: str) -> None:
        """Print a heading for the following checks."""
        self.say(f"\n{text}")

    @contextmanager
    def check(self, text: str, *services: str, request_id: str = "") -> Iterator[Check]:
        """One check of requests that pass the gateway and these services. Raises Broken if its body fails."""
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
        """States of all containers, and number of log lines of the request by component; empty without the engine."""
        hops = [hop for hop in path if hop in (GATEWAY, *SERVICES)]
        try:
            states = self.containers.states()
            if not request_id:
                return states, {}
            lines = trail.gather(self.containers, hops, request_id, self.started, trail.FLUSH_SECONDS)
        except (requests.RequestException, DockerException) as error:
            self.say(f"    (the engine does not respond: {error})")
            return dict.fromkeys(path, diagnosis.HEALTHY), {}
        return states, {component: len(found) for component, found in lines.items()}

    def summary(self) -> str:
        """The last lines of the output."""
        lines = [f"failed at {failure}" for failure in self.failed]
        return "\n".join([*lines, f"{self.passed} checks passed, {len(self.failed)} failed"])


def findings(
    hop: str, error: Exception, answer: Answer | None, request_id: str, logged: Mapping[str, int]
) -> dict[str, str]:
    """The facts about a failure, name -> text."""
    found = {"hop": hop, "cause": " ".join(str(error).split()) or type(error).__name__}
    if answer:
        found |= {"answer": str(answer), "body": answer.excerpt or "(empty)"}
    if logged:
        present = [component for component, count in logged.items() if count]
        absent = [component for component, count in logged.items() if not count]
        found["trail"] = f"{request_id} is in the log of {', '.join(present) or 'no component'}" + (
            f", but not of {', '.join(absent)}" if absent else ""
        )
    return found
