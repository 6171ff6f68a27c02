"""The checks as text: a table for a person, JSON and JUnit XML for programs. Pure."""

import json
from collections.abc import Callable, Iterable, Sequence
from xml.etree import ElementTree

from cloudlab.model.checks import FAILED, NOTE, OK, Check, plain

LONGEST_TEXT = 90  # of a column; a failure is told in full below the table


def table(checks: Sequence[Check]) -> str:
    """A line per check, in the order in which they come."""
    lines = [("area", "check", "", "found"), *((c.area, c.subject, c.state, _short(c.text)) for c in checks)]
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
            found.append(f"  - {check.area}, {check.subject}: {check.text}")
            found += [f"      to mend it: {check.cure}"] if check.cure else []
    return found


def document(checks: Sequence[Check]) -> str:
    """All checks as JSON: {"whole", "checks"}."""
    whole = all(check.state != FAILED for check in checks)
    return json.dumps({"whole": whole, "checks": plain(checks)}, indent=2, ensure_ascii=False)


def junit(checks: Sequence[Check]) -> str:
    """All checks as JUnit XML: a suite per area, a case per check. A note is what its case has printed."""
    suites = ElementTree.Element("testsuites", {"name": "cloudlab", **_counts(checks)})
    for area in dict.fromkeys(check.area for check in checks):
        own = [check for check in checks if check.area == area]
        suite = ElementTree.SubElement(suites, "testsuite", {"name": area, **_counts(own)})
        for check in own:
            case = ElementTree.SubElement(suite, "testcase", classname=area, name=check.subject)
            if check.state == FAILED:
                failure = ElementTree.SubElement(case, "failure", message=_printable(check.text))
                failure.text = _printable(f"{check.text}\nto mend it: {check.cure}" if check.cure else check.text)
            elif check.state == NOTE:
                ElementTree.SubElement(case, "system-out").text = _printable(check.text)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)


FORMATS: dict[str, Callable[[Sequence[Check]], str]] = {"table": table, "json": document, "junit": junit}


def _counts(checks: Sequence[Check]) -> dict[str, str]:
    failed = sum(check.state == FAILED for check in checks)
    return {"tests": str(len(checks)), "failures": str(failed), "errors": "0"}


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold and logs do."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text)


def _short(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= LONGEST_TEXT else f"{first[: LONGEST_TEXT - 1]}…"
