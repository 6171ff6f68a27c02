"""Single values of a specification: each parser returns the normalised value or raises ValueError with the reason.

The rules are those of the docker command, but a boolean as an environment variable's value, an unquoted file mode and a
port without a host port are errors.
"""

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from cloudlab.model import problems, sizes

Parser = Callable[[Any], Any]

SMALLEST_MEMORY = 6 * 2**20  # the engine's minimum
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_TRUE, _FALSE = ("true", "yes"), ("false", "no")


def text(value: Any) -> str:
    """A string; a number becomes its digits, anything else is ambiguous."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not a string")
    return str.__str__(value) if isinstance(value, str) else str(value)


def filled(value: Any) -> str:
    """A string that is not empty."""
    result = text(value)
    if not result.strip():
        raise ValueError("it is empty")
    return result


def _matching(pattern: str, what: str) -> Parser:
    """A parser of strings that match a pattern."""

    def parse(value: Any) -> str:
        result = text(value)
        if not re.fullmatch(pattern, result):
            raise ValueError(f"{result!r} is not {what}")
        return result

    return parse


# Of a container, network or volume.
name = _matching(
    "[a-zA-Z0-9][a-zA-Z0-9_.-]+",
    "a name; use at least two letters, digits or _ . - and begin with a letter or digit",
)
# Of a container in a network.
host = _matching("[a-zA-Z0-9_][a-zA-Z0-9_.-]*", "a host name; use letters, digits and _ . -")
# Also used for a folder and in labels.
component = _matching("[a-z0-9][a-z0-9_.-]*", "a component's name; use lower-case letters, digits and _ . -")


def boolean(value: Any) -> bool:
    """True or false, also as the strings that templates render them to."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE + _FALSE:
        return word in _TRUE
    raise ValueError(f"{value!r} is neither true nor false")


def integer(value: Any) -> int:
    """A whole number."""
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value).strip()):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


def one_of(*choices: str) -> Parser:
    """A parser of one of several strings."""

    def parse(value: Any) -> str:
        result = text(value)
        if result not in choices:
            raise ValueError(f"{result!r} is none of {', '.join(choices)}")
        return result

    return parse


def list_of(parse: Parser) -> Parser:
    """A parser of lists, which names the wrong item."""

    def parse_list(value: Any) -> list:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{value!r} is not a list")
        return [_at(f"item {place}", parse, item) for place, item in enumerate(value, start=1)]

    return parse_list


def set_of(parse: Parser) -> Parser:
    """A parser of lists whose order and repetitions do not matter."""
    parse_list = list_of(parse)
    return lambda value: sorted(set(parse_list(value)))


def mapping(value: Any) -> dict[str, str]:
    """Names to strings; numbers become their digits."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a mapping of names to values")
    return {text(key): _at(text(key), text, item) for key, item in sorted(value.items())}


def environment(value: Any) -> dict[str, str]:
    """Environment variables; values that YAML does not read as strings or whole numbers must be quoted."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a mapping of names to values")
    return {_variable_name(key): _at(text(key), _variable_value, item) for key, item in sorted(value.items())}


def _variable_name(value: Any) -> str:
    result = filled(value)
    if "=" in result or "\0" in result:
        raise ValueError(f"{result!r} is not a variable's name")
    return result


def _variable_value(value: Any) -> str:
    if isinstance(value, bool | float) or not isinstance(value, str | int):
        raise ValueError(f"{type(value).__name__} is ambiguous as the value of a variable; quote it")
    result = text(value)
    if "\0" in result:
        raise ValueError("it contains a zero byte")
    return result


def size(value: Any) -> int:
    """An amount of memory in bytes; 0 means none."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not an amount of memory; write for example 512m or 2g")
    return sizes.parse(value)


def memory(value: Any) -> int:
    """A memory limit in bytes; 0 means no limit."""
    result = size(value)
    if 0 < result < SMALLEST_MEMORY:
        raise ValueError(f"{value!r} is less than 6m, the engine's minimum")
    return result


def memory_swap(value: Any) -> int:
    """A limit of memory and swap together in bytes; -1 means unlimited swap, 0 the engine's default."""
    return -1 if str(value).strip() == "-1" else size(value)


def cpus(value: Any) -> int:
    """A number of CPUs, in billionths; 0 means no limit."""
    if isinstance(value, bool) or not re.fullmatch(r"\d+(\.\d+)?|\.\d+", str(value).strip()):
        raise ValueError(f"{value!r} is not a number of CPUs; write for example 0.5 or 2")
    result = round(float(value) * 10**9)
    if 0 < result < 10**7:
        raise ValueError(f"{value!r} is less than 0.01, the engine's minimum")
    return result


def pids(value: Any) -> int:
    """A limit of processes; 0 means none."""
    return max(0, integer(value))


def nanoseconds(value: Any) -> int:
    """A duration such as 500ms, 10s or 1m30s in nanoseconds."""
    written = str(value).strip()
    parts = _DURATION.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        raise ValueError(f"{value!r} is not a duration; write for example 500ms, 10s or 1m30s")
    result = round(sum(float(number) * _NANOSECONDS[unit] for number, unit in parts))
    if 0 < result < 10**6:
        raise ValueError(f"{value!r} is less than 1ms, the engine's minimum")
    return result


def seconds(value: Any) -> int:
    """Whole seconds, as a number or as a duration."""
    if not isinstance(value, bool) and re.fullmatch(r"\d+", str(value).strip()):
        return int(value)
    return -(-nanoseconds(value) // 10**9)


def mode(value: Any) -> int:
    """A file's mode as quoted octal digits; YAML may read an unquoted number as decimal."""
    if not isinstance(value, str) or not re.fullmatch(r"0?[0-7]{3,4}", value):
        raise ValueError(f'{value!r} is not a mode; write the octal digits in quotes, for example "0444"')
    return int(value, 8)


def absolute(value: Any) -> str:
    """A path inside a container."""
    result = text(value)
    if not result.startswith("/"):
        raise ValueError(f"{result!r} is not an absolute path")
    return result.rstrip("/") or "/"


def port(value: Any) -> str:
    """A published port as address:host:container/protocol; the default address is 127.0.0.1."""
    written = text(value)
    match = re.fullmatch(r"(?:(\[[^\]]+\]|[^:\[\]]+):)?(\d+):(\d+)(?:/(tcp|udp|sctp))?", written)
    if not match:
        raise ValueError(
            f"{written!r} is not a published port; write [address:]host port:container port[/protocol], for example "
            "127.0.0.1:5432:5432/tcp, one entry for each port"
        )
    address = _address(match[1] or "127.0.0.1")
    host, inside = _port_number(match[2]), _port_number(match[3])
    return f"{address}:{host}:{inside}/{match[4] or 'tcp'}"


def _address(written: str) -> str:
    try:
        address = ipaddress.ip_address(written.strip("[]"))
    except ValueError:
        raise ValueError(f"{written!r} is not an IP address") from None
    return f"[{address}]" if address.version == 6 else str(address)


def _port_number(written: str) -> int:
    if not 1 <= int(written) <= 65535:
        raise ValueError(f"{written} is not a port; ports are 1 to 65535")
    return int(written)


def split_port(published: str) -> tuple[str, str, str]:
    """A normalised published port as (address without brackets, host port, "container/protocol")."""
    address, host, inside = published.rsplit(":", 2)
    return address.strip("[]"), host, inside


def capability(value: Any) -> str:
    """A kernel capability without its prefix, as in NET_RAW or ALL."""
    return filled(value).upper().removeprefix("CAP_")


def ulimit(value: Any) -> tuple[str, int, int]:
    """A limit as (name, soft, hard), from "nofile:1024:2048", "nofile=1024:2048" or a mapping."""
    if isinstance(value, Mapping):
        keys = fields({"name": filled, "soft": integer, "hard": integer}, required=("name", "soft"))(value)
        return keys["name"], keys["soft"], keys.get("hard", keys["soft"])
    match = re.fullmatch(r"([a-z]+)[:=](-?\d+)(?::(-?\d+))?", text(value))
    if not match:
        raise ValueError(f"{value!r} is not a limit; write name:soft:hard, for example nofile:65536:65536")
    return match[1], int(match[2]), int(match[3] or match[2])


def fields(parsers: Mapping[str, Parser], required: Iterable[str] = ()) -> Parser:
    """A parser of mappings with known keys."""

    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError(f"{value!r} is not a mapping")
        unknown = [str(key) for key in value if key not in parsers]
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r}{nearest(unknown[0], parsers)}")
        missing = [key for key in required if value.get(key) is None]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        return {str(key): _at(str(key), parsers[key], item) for key, item in value.items() if item is not None}

    return parse


def nearest(name: str, known: Collection[str]) -> str:
    """The end of an error message: the nearest valid name, or all of them."""
    near = problems.nearest(name, known)
    return f"; did you mean {near!r}?" if near else f"; valid: {', '.join(sorted(known))}"


def _at(place: str, parse: Parser, value: Any) -> Any:
    """Parse, and add the place to an error."""
    try:
        return parse(value)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
