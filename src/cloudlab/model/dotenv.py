"""Read `.env` the way Docker Compose reads it, so that Ansible and Docker Compose see the same values.

Accepted lines (LF or CRLF, UTF-8, optional BOM, optional leading `export`)::

    # a comment
    KEY=plain value        # a comment after white space
    KEY='literal value; \\' is the only escape'
    KEY="value with the escapes \\n \\t \\" \\\\ \\$"

Compose replaces `$NAME` and `${NAME}` in plain and double-quoted values. Ansible does not, so such a reference is an
error. Compose also accepts quoted values of several lines. No setting needs one, so they are an error.

A message has file, line and key, but never the line itself, which may be part of a private key.

The grammar is that of compose-go's dotenv package: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloudlab.model.problems import ProblemsError

_KEY = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_REFERENCE = re.compile(r"\$(?:\{|[A-Za-z_])")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


@dataclass(frozen=True)
class Entry:
    """One assignment: its key, its value with quotes and escapes resolved, and its line number, from 1."""

    key: str
    value: str
    line: int


class DotenvError(ProblemsError):
    """Some lines are invalid; `problems` holds a message for each, with file, line and fix."""


class UnclosedQuoteError(ValueError):
    """A quoted value does not end on its line."""

    def __init__(self, key: str, quote: str):
        super().__init__(
            f"the value of {key} has no closing {quote} on its line. Add it at the end of the line; "
            "no setting takes a value of several lines."
        )
        self.quote = quote


def read(path: Path) -> list[Entry]:
    """The assignments in the file; none if it does not exist. Raises DotenvError."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DotenvError(
            [f"{path}: cannot be read: {error.strerror}. Make it readable for the user who runs this."]
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DotenvError(
            [f"{path}:{line}: byte 0x{raw[error.start]:02x} is not UTF-8. Save the file in the encoding UTF-8."]
        ) from None
    return parse(text, str(path))


def parse(text: str, name: str = ".env") -> list[Entry]:
    """The assignments in `text`. name: the file in messages. Raises DotenvError with every invalid line."""
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), start=1)
    for number, line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            key, value = _assignment(stripped)
        except UnclosedQuoteError as error:
            problems.append(f"{name}:{number}: {error}")
            _skip_past(error.quote, lines)
            continue
        except ValueError as error:
            problems.append(f"{name}:{number}: {error}")
            continue
        if key in entries:
            problems.append(
                f"{name}:{number}: {key} is set a second time (first on line {entries[key].line}). "
                "Remove one of the two lines."
            )
            continue
        entries[key] = Entry(key, value, number)
    if problems:
        raise DotenvError(problems)
    return list(entries.values())


def _skip_past(quote: str, lines: Iterator[tuple[int, str]]) -> None:
    """Consume the lines of a value up to the one that ends in its closing quote, or else all lines."""
    for _, line in lines:
        if line.rstrip().endswith(quote):
            return


def _assignment(line: str) -> tuple[str, str]:
    match = _KEY.fullmatch(line)
    if not match:
        raise ValueError("not an assignment. Write KEY=value, or # before a comment.")
    key, rest = match.groups()
    if rest[:1] in ("'", '"'):
        return key, _quoted(key, rest)
    value = re.split(r"\s#", rest, maxsplit=1)[0].strip()
    if value.startswith("#"):
        value = ""
    _refuse_reference(key, value)
    return key, value


def _quoted(key: str, rest: str) -> str:
    """The value of `rest`, which begins with a quote. Only a comment may follow the closing quote."""
    quote, position, value = rest[0], 1, []
    while position < len(rest) and rest[position] != quote:
        char, following = rest[position], rest[position + 1 : position + 2]
        if char == "\\" and quote == "'" and following == "'":
            value.append("'")
            position += 2
        elif char == "\\" and quote == '"' and following in _ESCAPES:
            value.append(_ESCAPES[following])
            position += 2
        else:
            if quote == '"' and _REFERENCE.match(rest, position):
                _refuse_reference(key, rest[position:])
            value.append(char)
            position += 1
    if position == len(rest):
        raise UnclosedQuoteError(key, quote)
    trailing = rest[position + 1 :].strip()
    if trailing and not trailing.startswith("#"):
        raise ValueError(f"{key} goes on after its closing {quote}. Write \\{quote} for a quote within the value.")
    return "".join(value)


def _refuse_reference(key: str, value: str) -> None:
    if _REFERENCE.search(value):
        raise ValueError(
            f"the value of {key} holds a $ that starts a variable reference. Put the value in single quotes."
        )
