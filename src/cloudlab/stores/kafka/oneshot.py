"""Creates Kafka's topics with the tools of its own image."""

import shlex
from collections.abc import Mapping
from typing import Any

from cloudlab.stores import base
from cloudlab.stores.kafka.objects import Topic, declare


def one_shot(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The program that creates the topics. The tool gets a smaller heap than the broker."""
    lines = script(declare(arguments), arguments["inside"])
    return base.program(arguments["container"], lines, {"KAFKA_HEAP_OPTS": "-Xmx96m"})


def script(declared: Mapping[str, Topic], bootstrap: str) -> str:
    """A shell script that makes an empty broker hold the topics, and leaves those alone that it holds already.

    The broker is asked once which it has: each use of Kafka's tool is a JVM of seconds.
    """
    lines = [
        f"topics='kafka-topics --bootstrap-server {bootstrap}'",
        "have=$($topics --list)",
        "make() {",
        """  if ! printf '%s\\n' "$have" | grep -qxF -e "$1"; then""",
        """    name=$1 && shift && $topics --create --if-not-exists --topic "$name" "$@\"""",
        "  fi",
        "}",
    ]
    for name, topic in declared.items():
        config = "".join(f" --config {shlex.quote(f'{key}={value}')}" for key, value in topic.config.items())
        lines.append(f"make {name} --partitions {topic.partitions}{config}")
    return "".join(f"{line}\n" for line in lines)
