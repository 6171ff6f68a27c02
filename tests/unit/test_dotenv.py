"""What `.env` may look like, and what is said about a line that cannot be read."""

import pytest

from cloudlab.model import dotenv


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("KEY=plain", "plain"),
        ("KEY = spaced out ", "spaced out"),
        ("export KEY=exported", "exported"),
        ("KEY=", ""),
        ("KEY= # only a comment", ""),
        ("KEY=a#b", "a#b"),
        ("KEY=a # comment", "a"),
        ("KEY='single $NOT #a comment' # comment", "single $NOT #a comment"),
        (r"KEY='it\'s'", "it's"),
        (r"KEY='back\slash'", r"back\slash"),
        (r'KEY="say \"hi\"\n\\ \$x"', 'say "hi"\n\\ $x'),
        ('KEY="100% # sure"', "100% # sure"),
        ("KEY=5$ and $9", "5$ and $9"),
        ("KEY=crlf\r\n", "crlf"),
        ("KEY=a=b=c", "a=b=c"),
        ("KEY=grüße", "grüße"),
    ],
)
def test_value(text, value):
    assert [(entry.key, entry.value) for entry in dotenv.parse(text)] == [("KEY", value)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("KEY", ".env:1: not an assignment. Write KEY=value, or # before a comment."),
        ("# fine\n1KEY=x", ".env:2: not an assignment"),
        ("KEY='open", "no closing '"),
        ("KEY='a'b", "goes on after its closing '"),
        ("KEY=$HOME/x", "Put the value in single quotes"),
        ('KEY="${HOME}"', "Put the value in single quotes"),
        ("KEY=1\nKEY=2", ".env:2: KEY is set a second time (first on line 1)"),
    ],
)
def test_problem(text, message):
    with pytest.raises(dotenv.DotenvError) as error:
        dotenv.parse(text)
    assert message in str(error.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(dotenv.DotenvError) as error:
        dotenv.parse("one\nTWO=2\nthree")
    assert len(error.value.problems) == 2


def test_a_value_of_several_lines_is_one_problem():
    with pytest.raises(dotenv.DotenvError) as error:
        dotenv.parse("A='first\nsecond\nthird'\nB\nC=fine")
    assert [problem.split(": ")[0] for problem in error.value.problems] == [".env:1", ".env:4"]
    assert "second" not in str(error.value)


def test_no_file_has_no_entries(tmp_path):
    assert dotenv.read(tmp_path / ".env") == []


def test_file_with_byte_order_mark_and_crlf(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfA=1\r\nB=2\r\n")
    assert [(entry.key, entry.value, entry.line) for entry in dotenv.read(path)] == [("A", "1", 1), ("B", "2", 2)]


def test_bytes_that_are_not_utf8(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(b"A=1\nB=gr\xfc\xdfe\n")
    with pytest.raises(dotenv.DotenvError) as error:
        dotenv.read(path)
    assert f"{path}:2: byte 0xfc is not UTF-8" in str(error.value)
