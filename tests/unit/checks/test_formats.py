"""The checks as text."""

from cloudlab.checks import FAILED, NOTE, OK, Check, converge, table

CHECKS = [
    Check("postgres", "answers", OK, "as cloudlab"),
    Check("postgres", "schema order", FAILED, "absent\nmore of it", converge("postgres")),
    Check("redis", "keys", NOTE, "x" * 200),
]


def test_a_line_per_check():
    assert table.table(CHECKS[:2]).splitlines() == [
        "store     check                 found",
        "--------  ------------  ------  -----------",
        "postgres  answers       ok      as cloudlab",
        "postgres  schema order  FAILED  absent",
    ]


def test_long_texts_are_cut():
    assert table.table(CHECKS).splitlines()[-1].endswith("x…")


def test_the_summary_counts():
    assert table.summary(CHECKS) == "1 in order, 1 failed, 1 notes"


def test_a_failure_says_what_where_and_how_to_mend_it():
    assert table.failures(CHECKS) == [
        "  - postgres, schema order: absent\nmore of it",
        "      to mend it: ansible-playbook playbooks/dev.yml --tags postgres",
    ]
