"""What a line says of itself, and which lines are wanted."""

import json
import re

import pytest

from cloudlab.observe.logs import lines, store
from cloudlab.observe.logs.lines import Wanted

TIME = "2026-01-31T12:00:00.123456789Z"
JSON = json.dumps({"time": "x", "level": "WARN", "msg": "event", "service": "order", "request_id": "r-1", "key": "a b"})


def line(raw=JSON):
    return lines.parse(TIME, "order", "test-order", raw)


def test_a_json_line_tells_its_level_message_and_request():
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


def test_json_that_is_no_object_is_text():
    assert line("[1, 2]").message == "[1, 2]"
    assert line('{"msg": "a"} and more').message == '{"msg": "a"} and more'


def test_text_shows_what_else_is_said():
    assert lines.text(line()) == 'event request_id=r-1 key="a b"'


def test_colours_only_where_wanted():
    assert "\x1b[" in lines.show_text(line(), 8, colours=True)
    shown = lines.show_text(line(), 8, colours=False)
    assert "\x1b[" not in shown
    assert re.fullmatch(r"\d\d:\d\d:00\.123 order    warn  event .*", shown)


def test_json_is_one_object_with_everything():
    shown = json.loads(lines.show_json(line()))
    assert (shown["component"], shown["level"], shown["message"], shown["key"]) == ("order", "warn", "event", "a b")


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Wanted(), True),
        (Wanted(level="warn"), True),
        (Wanted(level="error"), False),
        (Wanted(request_id="r-1"), True),
        (Wanted(request_id="r-2"), False),
        (Wanted(grep=re.compile("key=.a")), True),
        (Wanted(grep=re.compile("nothing")), False),
    ],
)
def test_wanted(wanted, taken):
    assert wanted.takes(line()) is taken


def test_moments():
    assert lines.moment("10m", 1000.0) == 400.0
    assert lines.stamp(lines.moment("2026-01-31T12:00:00Z", 0)) == "2026-01-31T12:00:00.000000Z"
    with pytest.raises(ValueError, match="90s, 10m"):
        lines.moment("soon", 0)


def test_the_question_to_the_store_escapes_what_it_is_given():
    asked = store.query(["order"], Wanted(level="warn", request_id='a" or *'), 0, 1)
    assert 'component:in("order")' in asked
    assert 'request_id:="a\\" or *"' in asked
    assert "level:in(warn, error)" in asked


def test_where_the_store_answers():
    listed = {"Labels": {"cloudlab.component": "victorialogs"}, "State": "running", "Ports": []}
    assert store.address([listed]) == ""
    assert store.address([listed | {"Ports": [{"PrivatePort": 9428, "PublicPort": 7}]}]) == "http://127.0.0.1:7"
    assert store.address([listed | {"State": "exited"}]) == ""
