"""The formats of the report."""

import json
from xml.etree import ElementTree

from cloudlab.model.checks import FAILED, NOTE, OK, Check, converge
from cloudlab.validate import formats

CHECKS = [
    Check("postgres", "answers", OK, "as cloudlab"),
    Check("postgres", "schema order", FAILED, "absent\nmore of it", converge("postgres")),
    Check("redis", "keys", NOTE, "x" * 200),
]


def test_a_line_per_check():
    assert formats.table(CHECKS[:2]).splitlines() == [
        "area      check                 found",
        "--------  ------------  ------  -----------",
        "postgres  answers       ok      as cloudlab",
        "postgres  schema order  FAILED  absent",
    ]


def test_long_texts_are_cut():
    assert formats.table(CHECKS).splitlines()[-1].endswith("x…")


def test_the_summary_counts():
    assert formats.summary(CHECKS) == "1 passed, 1 failed, 1 notes"


def test_a_failure_is_listed_with_its_place_and_its_fix():
    assert formats.failure_message(CHECKS) == (
        "Validation failed: 1 of 3 checks failed.\n"
        "  - postgres, schema order: absent\nmore of it\n"
        "      fix: ansible-playbook playbooks/dev.yml --tags postgres"
    )
    assert formats.failure_message(CHECKS[:1]) == ""


def test_json_contains_all_checks():
    document = json.loads(formats.document(CHECKS))
    assert not document["passed"]
    assert [Check(**check) for check in document["checks"]] == CHECKS
    assert json.loads(formats.document(CHECKS[:1]))["passed"]


def test_junit_has_a_suite_per_area_and_a_case_per_check():
    suites = ElementTree.fromstring(formats.junit(CHECKS))
    assert (suites.get("tests"), suites.get("failures")) == ("3", "1")
    assert [(suite.get("name"), suite.get("tests")) for suite in suites] == [("postgres", "2"), ("redis", "1")]
    [failure] = suites.iter("failure")
    assert failure.get("message").startswith("absent")
    assert "--tags postgres" in failure.text
    assert [note.text for note in suites.iter("system-out")] == ["x" * 200]


def test_junit_is_valid_with_control_characters():
    suites = ElementTree.fromstring(formats.junit([Check("logs", "order", FAILED, "\x1b[31mred\x00 <&>")]))
    assert "red� <&>" in next(suites.iter("failure")).text
