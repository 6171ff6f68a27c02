"""Log lines from VictoriaLogs: back to its retention, including those of removed containers."""

import json
from collections.abc import Iterator
from typing import Any

import requests

from cloudlab.model.environment import LABEL_COMPONENT, PUBLISH_ADDRESS
from cloudlab.observe.logs import lines
from cloudlab.observe.logs.lines import Filter, Line

COMPONENT = "victorialogs"
PORT = 9428
SECONDS = 60
# Fields that the store or the collector adds.
_OWN = {"_time", "_msg", "_stream", "_stream_id", "component", "container", "level", "stream", "severity", "trace"}


class StoreError(Exception):
    """The store does not respond; the message has the alternative."""


def address(found: list[dict[str, Any]]) -> str:
    """The store's address on this machine; empty if it is not running.

    :param found: the engine's list of containers.
    """
    for item in found:
        if item["Labels"][LABEL_COMPONENT] == COMPONENT and item["State"] == "running":
            for port in item["Ports"]:
                if port["PrivatePort"] == PORT and port.get("PublicPort"):
                    return f"http://{PUBLISH_ADDRESS}:{port['PublicPort']}"
    return ""


def query(components: list[str], selection: Filter, since: float, until: float) -> str:
    """The query in LogsQL. The pattern is applied later, as for lines from the engine."""
    parts = [f"_time:[{lines.stamp(since)}, {lines.stamp(until)}]"]
    if components:
        parts.append(f"component:in({', '.join(json.dumps(name) for name in components)})")
    if selection.request_id:
        identity = json.dumps(selection.request_id)
        parts.append(f"(request_id:={identity} or _msg:{identity})")
    if selection.level:
        levels = lines.LEVELS[lines.LEVELS.index(selection.level) :]
        parts.append(f"level:in({', '.join(levels)})")
    return " ".join(parts) + " | sort by (_time)"


def history(base: str, components: list[str], selection: Filter, since: float, until: float) -> Iterator[Line]:
    """The lines between two times (epoch seconds), sorted by time. Raises StoreError."""
    question = {"query": query(components, selection, since, until)}
    try:
        with requests.post(f"{base}/select/logsql/query", data=question, stream=True, timeout=SECONDS) as answer:
            answer.raise_for_status()
            for row in answer.iter_lines():
                if row:
                    yield _line(json.loads(row))
    except requests.RequestException as error:
        raise StoreError(f"VictoriaLogs at {base} does not respond: {error}. Use --source engine.") from None


def _line(row: dict[str, Any]) -> Line:
    fields = {key: value for key, value in row.items() if key not in _OWN}
    component = row.get("component", "")
    if fields.get("service") == component:
        del fields["service"]
    message = row.get("_msg", "")
    level = lines.level_of(row.get("level"), message)
    return Line(row["_time"], component, row.get("container", component), message, level, fields)
