"""The checks as text for a person. Pure."""

from collections.abc import Iterable, Sequence

from cloudlab.checks import FAILED, OK, Check

LONGEST_TEXT = 90  # of a column; a failure is told in full below the table


def table(checks: Sequence[Check]) -> str:
    """A line per check, stores in the order in which they come."""
    lines = [("store", "check", "", "found"), *((c.store, c.subject, c.state, _short(c.text)) for c in checks)]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(text)


def summary(checks: Iterable[Check]) -> str:
    """How many there are of each outcome."""
    states = [check.state for check in checks]
    failed = states.count(FAILED)
    return f"{states.count(OK)} in order, {failed} failed, {len(states) - states.count(OK) - failed} notes"


def failures(checks: Iterable[Check]) -> list[str]:
    """A paragraph per failed check: what, where, and how to mend it."""
    found = []
    for check in checks:
        if check.state == FAILED:
            found.append(f"  - {check.store}, {check.subject}: {check.text}")
            found += [f"      to mend it: {check.cure}"] if check.cure else []
    return found


def _short(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= LONGEST_TEXT else f"{first[: LONGEST_TEXT - 1]}…"
