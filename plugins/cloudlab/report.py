"""The page that tells what runs, where, and with which credentials. Pure functions over plain data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from cloudlab import sizes
from cloudlab.environment import PUBLISH_ADDRESS

ABSENT = "absent"
COLUMNS = ("component", "state", "address", "user", "password", "image", "memory limit")


def rows(
    environment: Mapping[str, Any],
    access: Mapping[str, Mapping[str, str]],
    containers: Iterable[Mapping[str, Any]],
    waived: Collection[str] = (),
) -> list[dict[str, Any]]:
    """One row per chosen component; those of `waived` only where they have a container.

    :param environment: the variable `cloudlab`.
    :param access: component -> {"user", "password", "url"}, all optional; `url` is a pattern with {host}, {port},
        {user} and {password}, the last two escaped for URLs; `{port}` is the component's first port.
    :param containers: what the engine lists.
    """
    listed = {item["Names"][0].lstrip("/"): item for item in containers if item.get("Names")}
    found = [
        _row(name, environment["components"][name], access.get(name, {}), listed) for name in environment["chosen"]
    ]
    return [row for row in found if row["component"] not in set(waived) or row["state"] != ABSENT]


def others(
    earlier: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]], containers: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of an earlier run that this one was not about, of components that still have a container, with its state.

    A run for a part of the environment must not take the rest off the page.
    """
    listed = {item["Names"][0].lstrip("/"): item for item in containers if item.get("Names")}
    known = {row["component"] for row in found}
    return [
        {**row, "state": state(listed[row["container"]])}
        for row in earlier
        if row["component"] not in known and row["container"] in listed
    ]


def _row(name: str, entry: Mapping[str, Any], access: Mapping[str, str], listed: Mapping[str, Any]) -> dict[str, Any]:
    container = listed.get(entry["container"])
    ports = {port: numbers["host"] for port, numbers in entry["ports"].items()}
    user, password = access.get("user", ""), access.get("password", "")
    url = ""
    if access.get("url") and ports:
        url = access["url"].format(
            host=PUBLISH_ADDRESS,
            port=next(iter(ports.values())),
            user=quote(user, safe=""),
            password=quote(password, safe=""),
        )
    return {
        "component": name,
        "summary": entry["summary"],
        "kind": entry["kind"],
        "container": entry["container"],
        "state": state(container),
        "ports": ports,
        "address": ", ".join(f"{PUBLISH_ADDRESS}:{port}" for port in ports.values()),
        "url": url,
        "user": user,
        "password": password,
        # A play that makes no images present knows only what runs.
        "image": entry.get("image", {}).get("reference") or (container or {}).get("Image", ""),
        "source": entry.get("image", {}).get("source", ""),
        "memory limit": sizes.show(sizes.parse(entry["memory"])) if entry["memory"] else "",
    }


def state(container: Mapping[str, Any] | None) -> str:
    """In one word: absent, healthy, unhealthy, starting, running, or the engine's own word (paused, exited, …)."""
    if container is None:
        return ABSENT
    if container["State"] != "running":
        return container["State"]
    for word in ("unhealthy", "healthy", "starting"):
        # The engine's list tells health only in its status text, as in "Up 5 minutes (healthy)".
        if f"({word})" in container["Status"] or f"(health: {word})" in container["Status"]:
            return word
    return "running"


def table(found: list[dict[str, Any]], unavailable: Mapping[str, str]) -> str:
    """`rows` and the components that cannot run here as text in columns."""
    lines = [COLUMNS, *(tuple(str(row[column]) for column in COLUMNS) for row in found)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(COLUMNS))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    if unavailable:
        text += ["", "Not here:"]
        text += [f"  {name}: {reason}" for name, reason in sorted(unavailable.items())]
    return "\n".join(text)
