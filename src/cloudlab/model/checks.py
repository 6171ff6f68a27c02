"""The outcome of a check, as those that look at the environment make it and the report shows it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

OK = "ok"
FAILED = "FAILED"
NOTE = "note"  # worth knowing, and nobody's fault

# What the ids of requests begin with that the checks themselves make: a fault that they meet is not to be one of the
# log's as well.
OWN_REQUESTS = "cloudlab-validation-"


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    ``area``: a store, or a side of the environment such as ``networks``; ``subject``: of what; ``text``: what was
    found; ``cure``: how to mend it.
    """

    area: str
    subject: str
    state: str
    text: str = ""
    cure: str = ""


def verdict(area: str, subject: str, fault: str, cure: str, text: str = "") -> Check:
    """Failed when there is a fault, else in order, with `text`."""
    return Check(area, subject, FAILED, fault, cure) if fault else Check(area, subject, OK, text)


def converge(component: str) -> str:
    """The command that brings a component to what is declared."""
    return f"ansible-playbook playbooks/dev.yml --tags {component}"


def unreachable(store: str, reason: str) -> list[Check]:
    """The only check of a store that cannot be asked."""
    return [Check(store, "answers", FAILED, reason, converge(store))]


def plain(checks: Iterable[Check]) -> list[dict[str, str]]:
    """Checks as an action returns them."""
    return [asdict(check) for check in checks]
