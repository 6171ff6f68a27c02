"""The checks of logs: errors, and expected errors."""

import pytest

from cloudlab.model.checks import FAILED, OK
from cloudlab.validate import logs

EXPECTED = logs.expected([{"component": "postgres", "pattern": "starting up", "reason": "It is."}])


def check(*lines, component="postgres"):
    container = {"Name": f"/lab-{component}", "Config": {"Labels": {"cloudlab.component": component}}}
    return logs.check(container, "lab", list(lines), EXPECTED)


@pytest.mark.parametrize(
    ("start", "since", "asked"),
    [
        ("1970-01-01T00:00:10.500000000Z", 0, 9.5),
        ("1970-01-01T00:00:10.500000000Z", 20, 20),
        ("0001-01-01T00:00:00Z", 0, 0),
    ],
    ids=["started", "later", "never started"],
)
def test_lines_are_read_from_shortly_before_the_start(start, since, asked):
    """The engine records the start shortly after the first lines."""

    class Engine:
        def logs(self, _, **options):
            assert (options["since"], options["tail"]) == (asked, logs.LINES)
            return b"one\ntwo\n"

    container = {"Id": "1", "State": {"StartedAt": start}}
    assert logs.read(Engine(), container, since) == ["one", "two"]


def test_a_log_without_errors_passes():
    found = check('{"level": "info", "msg": "an error that was handled"}', "LOG:  ready")
    assert (found.state, found.subject, found.text) == (OK, "postgres", "2 lines, none of level error")


@pytest.mark.parametrize("line", ['{"level": "error", "msg": "no"}', '{"level":"fatal"}', "ERROR: no", "panic: no"])
def test_a_line_of_level_error_fails(line):
    found = check("LOG:  ready", line)
    assert (found.state, found.text) == (FAILED, f"1 lines of level error, the last: {line}")
    assert "./scripts/logs.sh postgres --level error" in found.cure


def test_an_expected_error_passes():
    line = "FATAL:  the database system is starting up"
    assert check(line).text == "1 lines, 1 expected of level error"
    assert check(line).state == OK
    # For that component only.
    assert check(line, component="order").state == FAILED


def test_errors_caused_by_the_validation_are_ignored():
    assert check('{"level": "error", "msg": "503", "request_id": "cloudlab-validation-1"}').state == OK


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"component": "postgres", "pattern": "x"}, "reason"),
        ({"component": "postgres", "pattern": "(", "reason": "why"}, "the pattern '(' is not valid"),
    ],
)
def test_an_invalid_entry_is_rejected(entry, told):
    with pytest.raises(logs.PatternError, match=told.replace("(", r"\(")):
        logs.expected([entry])
