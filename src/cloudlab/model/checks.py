"""The result of a check of the environment, for the report."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

OK = "ok"
FAILED = "FAILED"
NOTE = "note"  # worth knowing, but no fault

# Prefix of the ids of requests that the checks send, so that errors that they cause in logs are not reported twice.
OWN_REQUESTS = "cloudlab-validation-"


@dataclass(frozen=True)
class Check:
    """The result of one check.

    ``area``: a store, or a part of the environment such as ``networks``; ``subject``: what was checked; ``text``: the
    finding; ``cure``: how to fix it.
    """

    area: str
    subject: str
    state: str
    text: str = ""
    cure: str = ""


def verdict(area: str, subject: str, fault: str, cure: str, text: str = "") -> Check:
    """Failed if there is a fault, else ok with `text`."""
    return Check(area, subject, FAILED, fault, cure) if fault else Check(area, subject, OK, text)


def converge(component: str) -> str:
    """The command that converges a component."""
    return f"ansible-playbook playbooks/dev.yml --tags {component}"


def unreachable(store: str, reason: str) -> list[Check]:
    """The only check of a store that is not reachable."""
    return [Check(store, "answers", FAILED, reason, converge(store))]


def plain(checks: Iterable[Check]) -> list[dict[str, str]]:
    """Checks as plain data, for the result of an action."""
    return [asdict(check) for check in checks]
