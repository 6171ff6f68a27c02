"""Whether the stores hold what the catalogue and the platform say: what is asked of each, and how it is told."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

OK = "ok"
FAILED = "FAILED"
NOTE = "note"  # worth knowing, and nobody's fault


@dataclass(frozen=True)
class Check:
    """The outcome of one check. ``subject``: of what; ``text``: what was found; ``cure``: how to mend it."""

    store: str
    subject: str
    state: str
    text: str = ""
    cure: str = ""


def verdict(store: str, subject: str, fault: str, cure: str, text: str = "") -> Check:
    """Failed when there is a fault, else in order, with `text`."""
    return Check(store, subject, FAILED, fault, cure) if fault else Check(store, subject, OK, text)


def converge(store: str) -> str:
    """The command that brings a store to what is declared."""
    return f"ansible-playbook playbooks/dev.yml --tags {store}"


def unreachable(store: str, reason: str) -> list[Check]:
    """The only check of a store that cannot be asked."""
    return [Check(store, "answers", FAILED, reason, converge(store))]


def plain(checks: Iterable[Check]) -> list[dict[str, str]]:
    """Checks as an action returns them."""
    return [asdict(check) for check in checks]
