"""Readable JSON has the same content as any JSON."""

import json

import pytest

from cloudlab.model import jsontext

LONG = "x" * 50


@pytest.mark.parametrize(
    "value",
    [
        1,
        "a",
        None,
        [],
        {},
        {"a": [1, {"b": True}]},
        [LONG] * 9,
        {LONG: {"a": [LONG] * 4, "b": {}}, "c": [[LONG] * 3] * 2},
    ],
)
def test_the_content_is_unchanged(value):
    assert json.loads(jsontext.write(value)) == value


def test_a_value_that_fits_is_on_one_line():
    lines = jsontext.write({"a": [1, 2], "b": {"c": [LONG, LONG, LONG], "d": 1}}).splitlines()
    assert lines == [
        "{",
        '  "a": [1, 2],',
        '  "b": {',
        '    "c": [',
        *[f'      "{LONG}",'] * 2,
        f'      "{LONG}"',
        "    ],",
        '    "d": 1',
        "  }",
        "}",
    ]
