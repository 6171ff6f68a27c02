"""Known ways in which a store dies at its start, recognised by its log and explained with the way out.

A crash message quotes a container's last log lines; for the few faults whose log says what broke but not how to
mend it, :func:`explain` adds the sentence that is missing. A pure function over text: whoever reports a dead container
(the containers action, a store's action) may ask it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One recognisable crash: a pattern its log matches, and what the person is told.

    ``pattern``: searched in the joined log lines. ``message``: what it means and how to mend it.
    """

    pattern: re.Pattern[str]
    message: str


FAULTS: tuple[Fault, ...] = (
    Fault(
        re.compile(r"Invalid cluster\.id in: "),
        "Kafka's data belongs to another ZooKeeper: ZooKeeper's volume was removed or replaced while Kafka's was kept."
        " Neither works without the other. Put the old ZooKeeper volume back, or remove the data of both (topics and"
        " messages are lost): ansible-playbook playbooks/reset.yml -e level=data -e components=zookeeper",
    ),
    Fault(
        re.compile(r"KeeperException\$NodeExistsException"),
        "ZooKeeper knows another broker with the same id. The session of one that was killed has ended by now"
        " (kafka_zookeeper_session_timeout_ms), so this one lives: stop it, or give this one a ZooKeeper of its own.",
    ),
    Fault(
        re.compile(r"cannot (?:downgrade a node from version|upgrade a node from version) \[?[\d.]+"),
        "The data volume was written by an Elasticsearch version that the present image cannot read. Use the version"
        " that wrote it, or remove its data:"
        " ansible-playbook playbooks/reset.yml -e level=data -e components=elasticsearch",
    ),
    Fault(
        re.compile(r"java\.lang\.OutOfMemoryError: Java heap space"),
        "The Java heap is too small for what the store holds: raise its <role>_heap, and its memory limit with it.",
    ),
    Fault(
        re.compile(r"No space left on device"),
        "The engine's disk is full: `docker system df` shows what holds the space.",
    ),
)


def explain(lines: Iterable[str]) -> str | None:
    """The explanation of the first known fault in a container's log lines; None when there is none."""
    text = "\n".join(lines)
    return next((fault.message for fault in FAULTS if fault.pattern.search(text)), None)
