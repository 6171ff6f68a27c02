"""Single values: their normal form, and the messages about wrong ones."""

from __future__ import annotations

import pytest

from cloudlab.containers import values


@pytest.mark.parametrize(
    ("parse", "written", "normal"),
    [
        (values.memory, "512m", 512 * 2**20),
        (values.memory, "1.5g", 1536 * 2**20),
        (values.memory, "512MB", 512 * 2**20),
        (values.memory, 0, 0),
        (values.memory_swap, -1, -1),
        (values.memory_swap, "-1", -1),
        (values.cpus, 0.5, 500_000_000),
        (values.cpus, "2", 2_000_000_000),
        (values.cpus, ".25", 250_000_000),
        (values.pids, -1, 0),
        (values.nanoseconds, "1m30s", 90 * 10**9),
        (values.nanoseconds, "500ms", 500 * 10**6),
        (values.nanoseconds, "1.5s", 1500 * 10**6),
        (values.seconds, 30, 30),
        (values.seconds, "1m", 60),
        (values.seconds, "1500ms", 2),
        (values.mode, "0444", 0o444),
        (values.mode, "1777", 0o1777),
        (values.port, "5432:5432", "127.0.0.1:5432:5432/tcp"),
        (values.port, "0.0.0.0:53:53/udp", "0.0.0.0:53:53/udp"),
        (values.port, "[::1]:80:8080", "[::1]:80:8080/tcp"),
        (values.port, "::1:80:8080", None),
        (values.ulimit, "nofile:1024:2048", ("nofile", 1024, 2048)),
        (values.ulimit, "memlock=-1", ("memlock", -1, -1)),
        (values.ulimit, {"name": "nofile", "soft": 5}, ("nofile", 5, 5)),
        (values.capability, "cap_net_raw", "NET_RAW"),
        (values.boolean, "yes", True),
        (values.boolean, False, False),
        (values.absolute, "/data/", "/data"),
        (values.environment, {"B": 1, "A": "x"}, {"A": "x", "B": "1"}),
    ],
)
def test_values_are_normalised(parse, written, normal):
    if normal is None:
        with pytest.raises(ValueError, match="is not a published port"):
            parse(written)
    else:
        assert parse(written) == normal


@pytest.mark.parametrize(
    ("parse", "written", "message"),
    [
        (values.memory, "lots", "is not an amount of memory; write for example 512m"),
        (values.memory, "1m", "less than 6m"),
        (values.memory, True, "is not an amount of memory"),
        (values.cpus, "many", "is not a number of CPUs"),
        (values.cpus, 0.001, "less than 0.01"),
        (values.nanoseconds, 10, "is not a duration; write for example 500ms"),
        (values.nanoseconds, "10 s", "is not a duration"),
        (values.nanoseconds, "5us", "less than 1ms"),
        (values.mode, 292, "write the octal digits in quotes"),
        (values.mode, "0999", "is not a mode"),
        (values.port, 5432, "is not a published port"),
        (values.port, "1-3:1-3", "is not a published port"),
        (values.port, "70000:80", "70000 is not a port"),
        (values.port, "localhost:80:80", "'localhost' is not an IP address"),
        (values.absolute, "data", "is not an absolute path"),
        (values.boolean, "maybe", "is neither true nor false"),
        (values.integer, "1.5", "is not a whole number"),
        (values.integer, True, "is not a whole number"),
        (
            values.environment,
            {"DEBUG": True},
            "DEBUG: bool is ambiguous as the value of a variable; quote it",
        ),
        (values.environment, {"RATE": 1.10}, "RATE: float is ambiguous"),
        (values.environment, {"EMPTY": None}, "EMPTY: NoneType is ambiguous"),
        (values.environment, {"A=B": "x"}, "is not a variable's name"),
        (values.environment, ["A=x"], "is not a mapping"),
        (values.list_of(values.text), "ls -l", "is not a list"),
        (values.list_of(values.text), ["a", None], "item 2: None is not a string"),
        (values.ulimit, "nofile", "write name:soft:hard"),
        (values.name, "a b", "is not a name"),
    ],
)
def test_wrong_values_are_refused(parse, written, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        parse(written)


def test_the_nearest_name_is_suggested():
    assert values.nearest("memry", ["memory", "mounts"]) == "; did you mean 'memory'?"
    assert values.nearest("xyz", ["memory", "mounts"]) == "; valid: memory, mounts"
