"""The checks as text: a table for a person, JSON and JUnit XML for programs. Pure."""

import json
from collections.abc import Callable, Iterable, Sequence
from xml.etree import ElementTree

from cloudlab.lifecycle.report import aligned
from cloudlab.model.checks import FAILED, NOTE, OK, Check, plain

LONGEST_TEXT = 90  # of a column; the full text of a failure is below the table


def table(checks: Sequence[Check]) -> str:
    """A line per check."""
    lines = [("area", "check", "", "found"), *((c.area, c.subject, c.state, _short(c.text)) for c in checks)]
    return "\n".join(aligned(lines))


def summary(checks: Iterable[Check]) -> str:
    """The number of checks per state."""
    states = [check.state for check in checks]
    return f"{states.count(OK)} passed, {states.count(FAILED)} failed, {states.count(NOTE)} notes"


def failure_message(checks: Sequence[Check]) -> str:
    """The failed checks with their fixes below a headline; empty if none failed."""
    failed = [check for check in checks if check.state == FAILED]
    lines = [f"Validation failed: {len(failed)} of {len(checks)} checks failed."]
    for check in failed:
        lines.append(f"  - {check.area}, {check.subject}: {check.text}")
        lines += [f"      fix: {check.cure}"] if check.cure else []
    return "\n".join(lines) if failed else ""


def document(checks: Sequence[Check]) -> str:
    """All checks as JSON: {"passed", "checks"}."""
    passed = all(check.state != FAILED for check in checks)
    return json.dumps({"passed": passed, "checks": plain(checks)}, indent=2, ensure_ascii=False)


def junit(checks: Sequence[Check]) -> str:
    """All checks as JUnit XML: a suite per area, a case per check. A note is the output of its case."""
    suites = ElementTree.Element("testsuites", {"name": "cloudlab", **_counts(checks)})
    for area in dict.fromkeys(check.area for check in checks):
        own = [check for check in checks if check.area == area]
        suite = ElementTree.SubElement(suites, "testsuite", {"name": area, **_counts(own)})
        for check in own:
            case = ElementTree.SubElement(suite, "testcase", classname=area, name=check.subject)
            if check.state == FAILED:
                failure = ElementTree.SubElement(case, "failure", message=_printable(check.text))
                failure.text = _printable(f"{check.text}\nfix: {check.cure}" if check.cure else check.text)
            elif check.state == NOTE:
                ElementTree.SubElement(case, "system-out").text = _printable(check.text)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)


FORMATS: dict[str, Callable[[Sequence[Check]], str]] = {"table": table, "json": document, "junit": junit}


def _counts(checks: Sequence[Check]) -> dict[str, str]:
    failed = sum(check.state == FAILED for check in checks)
    return {"tests": str(len(checks)), "failures": str(failed), "errors": "0"}


def _printable(text: str) -> str:
    """Replace control characters, which XML does not allow."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text)


def _short(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= LONGEST_TEXT else f"{first[: LONGEST_TEXT - 1]}…"
