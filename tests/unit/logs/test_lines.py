"""Parsing, filtering and formatting of log lines."""

import json
import re

import pytest

from cloudlab.observe.logs import lines, store
from cloudlab.observe.logs.lines import Filter

TIME = "2026-01-31T12:00:00.123456789Z"
JSON = json.dumps({"time": "x", "level": "WARN", "msg": "event", "service": "order", "request_id": "r-1", "key": "a b"})


def line(raw=JSON):
    return lines.parse(TIME, "order", "test-order", raw)


def test_a_json_line_is_parsed():
    assert (line().level, line().message, line().request_id) == ("warn", "event", "r-1")


@pytest.mark.parametrize(
    ("raw", "level"),
    [
        ("2026-01-31 12:00:00.000 UTC [1] ERROR:  relation does not exist", "error"),
        ("[2026-01-31 12:00:00,000] WARN Connection lost (kafka)", "warn"),
        ("2026.01.31 12:00:00.000000 [ 1 ] {} <Error> Application", "error"),
        ("panic: runtime error", "error"),
        ("database system is ready", "info"),
        ("{broken", "info"),
        ('{"level": "fatal"}', "error"),
        ('{"level": 3}', "info"),
    ],
)
def test_levels(raw, level):
    assert line(raw).level == level


def test_json_other_than_an_object_is_text():
    assert line("[1, 2]").message == "[1, 2]"
    assert line('{"msg": "a"} and more').message == '{"msg": "a"} and more'


def test_text_shows_the_other_fields():
    assert lines.text(line()) == 'event request_id=r-1 key="a b"'


def test_colours_are_optional():
    assert "\x1b[" in lines.show_text(line(), 8, colours=True)
    shown = lines.show_text(line(), 8, colours=False)
    assert "\x1b[" not in shown
    assert re.fullmatch(r"\d\d:\d\d:00\.123 order    warn  event .*", shown)


def test_json_contains_all_fields():
    shown = json.loads(lines.show_json(line()))
    assert (shown["component"], shown["level"], shown["message"], shown["key"]) == ("order", "warn", "event", "a b")


@pytest.mark.parametrize(
    ("selection", "matches"),
    [
        (Filter(), True),
        (Filter(level="warn"), True),
        (Filter(level="error"), False),
        (Filter(request_id="r-1"), True),
        (Filter(request_id="r-2"), False),
        (Filter(grep=re.compile("key=.a")), True),
        (Filter(grep=re.compile("nothing")), False),
    ],
)
def test_a_filter_selects_lines(selection, matches):
    assert selection.matches(line()) is matches


def test_times_are_parsed():
    assert lines.moment("10m", 1000.0) == 400.0
    assert lines.stamp(lines.moment("2026-01-31T12:00:00Z", 0)) == "2026-01-31T12:00:00.000000Z"
    with pytest.raises(ValueError, match="90s, 10m"):
        lines.moment("soon", 0)


def test_the_query_escapes_its_values():
    asked = store.query(["order"], Filter(level="warn", request_id='a" or *'), 0, 1)
    assert 'component:in("order")' in asked
    assert 'request_id:="a\\" or *"' in asked
    assert "level:in(warn, error)" in asked


def test_the_address_of_the_store():
    listed = {"Labels": {"cloudlab.component": "victorialogs"}, "State": "running", "Ports": []}
    assert store.address([listed]) == ""
    assert store.address([listed | {"Ports": [{"PrivatePort": 9428, "PublicPort": 7}]}]) == "http://127.0.0.1:7"
    assert store.address([listed | {"State": "exited"}]) == ""
