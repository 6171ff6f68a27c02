"""Log lines: parsing, filtering and formatting. Pure functions over plain data."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LEVELS = ("debug", "info", "warn", "error")
# Other names of levels.
_ALIASES = {
    "trace": "debug",
    "notice": "info",
    "warning": "warn",
    "fatal": "error",
    "panic": "error",
    "critical": "error",
}
# Levels in plain text, as the stores write them: ERROR, [WARN], <Error>.
_GUESSES = (
    (
        "error",
        re.compile(
            r"^.{0,90}(?:\b(?:ERROR|FATAL|PANIC|CRITICAL)\b|<(?:Error|Fatal|Critical)>)|^(?:panic|fatal error):"
        ),
    ),
    ("warn", re.compile(r"^.{0,90}(?:\bWARN(?:ING)?\b|<Warning>)")),
    ("debug", re.compile(r"^.{0,90}(?:\b(?:DEBUG|TRACE)\b|<(?:Debug|Trace)>)")),
)
# Fields that are shown as columns, or not useful to a reader.
_HIDDEN = {"time", "level", "msg", "service", "span_id", "stream", "severity", "trace"}

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_LEVEL_COLOURS = {"error": 31, "warn": 33, "debug": 90}


@dataclass(frozen=True)
class Line:
    """One entry of a log.

    time: in RFC 3339 format with up to nanoseconds, in UTC, so that it can be sorted as text. container: distinguishes
    replicas. message: the text; fields: the other fields of a JSON object.
    """

    time: str
    component: str
    container: str
    message: str
    level: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def request_id(self) -> str:
        """The ID of its request; empty if there is none."""
        return str(self.fields.get("request_id", ""))


@dataclass(frozen=True)
class Filter:
    """Selects lines. level: the minimum severity; empty for all."""

    level: str = ""
    request_id: str = ""
    grep: re.Pattern[str] | None = None

    def matches(self, line: Line) -> bool:
        """Whether a line is selected."""
        if self.level and LEVELS.index(line.level) < LEVELS.index(self.level):
            return False
        if self.request_id and self.request_id not in (line.request_id, *line.message.split()):
            return False
        return self.grep is None or bool(self.grep.search(text(line)))


def parse(time: str, component: str, container: str, raw: str) -> Line:
    """Parse a line of a container, in JSON or plain text."""
    fields: dict[str, Any] = {}
    if raw.startswith("{"):
        try:
            fields = json.loads(raw)
        except ValueError:
            fields = {}
    message = str(fields.get("msg", raw)) if fields else raw
    return Line(time, component, container, message, level_of(fields.get("level"), raw), fields)


def level_of(value: Any, raw: str) -> str:
    """The level in LEVELS: that of the field if it has one, else guessed from the text."""
    level = str(value or "").lower()
    level = _ALIASES.get(level, level)
    if level in LEVELS:
        return level
    return next((level for level, pattern in _GUESSES if pattern.search(raw)), "info")


def text(line: Line) -> str:
    """The message, followed by the other fields as key=value."""
    others = [
        f"{key}={_value(value)}" for key, value in line.fields.items() if key not in _HIDDEN and value not in ("", None)
    ]
    return " ".join([line.message, *others])


def _value(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(shown, ensure_ascii=False) if re.search(r'[\s"=]', shown) else shown


def show_text(line: Line, width: int, colours: bool) -> str:
    """Format a line for a terminal: local time, name, level, text. width: length of the longest name."""
    name, level = f"{line.component:<{width}}", f"{line.level:<5}"
    if colours:
        name = f"\x1b[{_COLOURS[sum(map(ord, line.component)) % len(_COLOURS)]}m{name}\x1b[0m"
        if line.level in _LEVEL_COLOURS:
            level = f"\x1b[{_LEVEL_COLOURS[line.level]}m{level}\x1b[0m"
    clock = datetime.fromisoformat(line.time).astimezone().strftime("%H:%M:%S.%f")[:-3]
    return f"{clock} {name} {level} {text(line)}"


def show_json(line: Line) -> str:
    """Format a line as a JSON object with time, component, container, level, message and all other fields."""
    others = {key: value for key, value in line.fields.items() if key not in ("time", "level", "msg")}
    own = {"time": line.time, "component": line.component, "container": line.container, "level": line.level}
    return json.dumps({**own, "message": line.message, **others}, ensure_ascii=False)


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment(since: str, now: float) -> float:
    """Parse a time: 90s, 10m, 2h, 1d before `now`, or RFC 3339; in epoch seconds. Raises ValueError."""
    if found := re.fullmatch(r"(\d+)([smhd])", since):
        return now - int(found[1]) * _UNITS[found[2]]
    try:
        when = datetime.fromisoformat(since)
    except ValueError:
        raise ValueError(f"{since!r} is not a valid time. Examples: 90s, 10m, 2h, 1d, 2026-01-31T12:00:00Z") from None
    return when.timestamp() if when.tzinfo else when.astimezone().timestamp()


def stamp(second: float) -> str:
    """Format epoch seconds in RFC 3339 format, in UTC."""
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
