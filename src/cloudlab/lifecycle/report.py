"""The report of addresses, states and credentials. Pure functions over plain data."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cloudlab.images import plan
from cloudlab.model import sizes
from cloudlab.model.environment import PUBLISH_ADDRESS, name_of

ABSENT = "absent"
FAILED = "failed"
UNKNOWN = "unknown"
# The part of a digest that identifies it; 64 digits are too wide for a table.
_DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]+")
COLUMNS = ("component", "state", "address", "user", "password", "image", "source", "memory")


def rows(
    environment: Mapping[str, Any],
    access: Mapping[str, Mapping[str, str]],
    containers: Iterable[Mapping[str, Any]],
    used: Mapping[str, int],
    waived: Collection[str] = (),
    failed: Collection[str] = (),
) -> list[dict[str, Any]]:
    """One row per selected component; one in `waived` only if it has a container.

    :param environment: the variable `cloudlab`.
    :param access: component -> {"user", "password", "url"}, all optional; `url` is a pattern with {host}, {port},
        {user} and {password}, the last two escaped for URLs; `{port}` is the component's first port. It
        defaults to http://{host}:{port} if a port is named http, and to {host}:{port} otherwise.
    :param containers: the engine's list.
    :param used: container -> bytes of memory in use, if known.
    :param failed: components that failed in this run, regardless of the state of their containers.
    """
    listed = by_name(containers)
    found = [
        _row(name, environment["components"][name], access.get(name, {}), listed, used)
        for name in environment["chosen"]
    ]
    shown = [row for row in found if row["component"] not in set(waived) or row["state"] != ABSENT]
    return [{**row, "state": FAILED} if row["component"] in failed else row for row in shown]


def static_rows(
    environment: Mapping[str, Any],
    access: Mapping[str, Mapping[str, str]],
    views: Mapping[str, Mapping[str, Any]],
    waived: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Rows of an exported environment: states are unknown, and values that depend on `.env` are left out.

    Docker Compose can neither escape passwords for URLs and JSON nor convert an amount of memory to a number.
    """
    known = {
        name: {**entry, "password": ""} | ({"url": entry["url"].replace(":{password}", "")} if "url" in entry else {})
        for name, entry in access.items()
    }
    found = [{**row, "state": UNKNOWN} for row in rows(environment, known, [], {}, waived)]
    for row in found:
        if environment["components"][row["component"]].get("memory_setting"):
            row["memory"] = {"used": None, "limit": None}
    return with_views(found, views)


def others(
    earlier: Iterable[Mapping[str, Any]],
    found: Iterable[Mapping[str, Any]],
    containers: Iterable[Mapping[str, Any]],
    used: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Rows of an earlier run for components that are not part of this one and still have a container.

    A run for some components must not remove the others from the report. Rows without all current keys, written by an
    earlier version, are dropped.
    """
    listed = by_name(containers)
    found = list(found)
    known = {row["component"] for row in found}
    keys = found[0].keys() if found else set()
    return [
        {
            **row,
            "state": state(listed[row["container"]]),
            "memory": {**row["memory"], "used": used.get(row["container"])},
        }
        for row in earlier
        if row.keys() >= keys and row["component"] not in known and row["container"] in listed
    ]


def by_name(containers: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The engine's list by name of the container."""
    return {name_of(item): item for item in containers if item.get("Names")}


def _row(
    name: str, entry: Mapping[str, Any], access: Mapping[str, str], listed: Mapping[str, Any], used: Mapping[str, int]
) -> dict[str, Any]:
    container = listed.get(entry["container"])
    ports = {port: numbers["host"] for port, numbers in entry["ports"].items()}
    user, password = access.get("user", ""), access.get("password", "")
    pattern = access.get("url", "http://{host}:{port}" if "http" in ports else "{host}:{port}") if ports else ""
    url = pattern.format(
        host=PUBLISH_ADDRESS,
        port=next(iter(ports.values()), ""),
        user=quote(user, safe=""),
        password=quote(password, safe=""),
    )
    # That of the container first: without hot reload, a service has its own. Without a name, it is listed by its ID.
    listed_image = (container or {}).get("Image", "")
    provided = entry.get("image", {}).get("reference") or listed_image
    image = provided if not listed_image or listed_image.startswith("sha256:") else listed_image
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
        "image": image,
        "source": plan.source_of(image),
        "memory": {
            "used": used.get(entry["container"]),
            "limit": sizes.parse(entry["memory"]) if entry["memory"] else None,
        },
    }


def with_views(found: Iterable[Mapping[str, Any]], views: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`found` with `views`, links to views of each component in others: {view: address}.

    :param views: view -> {"of": the component that shows it, "url": a pattern with {url}, the address of that
        component, and {component}, "kinds" and "components": the kinds and names of the components that have the
        view, all by default}.
    """
    found = list(found)
    urls = {row["component"]: row["url"] for row in found if row["state"] != ABSENT}
    return [
        {
            **row,
            "views": {
                what: view["url"].format(url=urls[view["of"]], component=quote(row["component"], safe=""))
                for what, view in views.items()
                if view["of"] in urls
                and row["kind"] in view.get("kinds", [row["kind"]])
                and row["component"] in view.get("components", [row["component"]])
            },
        }
        for row in found
    ]


def unavailable(environment: Mapping[str, Any], earlier: Mapping[str, str]) -> dict[str, str]:
    """The components that cannot run on this machine, with the reason: from this run, else from an `earlier` one.

    A play that provides no images does not know the reason, nor does a run that does not include the component.
    """
    components = environment["components"]
    kept = {
        name: reason
        for name, reason in earlier.items()
        if (name in components or not environment["complete"]) and "image" not in components.get(name, {})
    }
    return kept | environment["unavailable"]


def failure_message(failed: Mapping[str, str]) -> str:
    """The message of a run in which components failed: component -> cause, followed by lines of its log."""
    count = f"{len(failed)} component{'s' if len(failed) > 1 else ''}"
    lines = [f"The environment is incomplete: {count} failed."]
    for component, text in sorted(failed.items()):
        cause, *more = text.splitlines()
        lines += [f"  - {component}: {cause}", *(f"      {line}" for line in more)]
    return "\n".join(lines)


def state(container: Mapping[str, Any] | None) -> str:
    """One of absent, healthy, unhealthy, starting, running, or the engine's state (paused, exited, …)."""
    if container is None:
        return ABSENT
    if container["State"] != "running":
        return container["State"]
    for word in ("unhealthy", "healthy", "starting"):
        # The engine's list has the health only in its status text, as in "Up 5 minutes (healthy)".
        if f"({word})" in container["Status"] or f"(health: {word})" in container["Status"]:
            return word
    return "running"


def address(found: Iterable[Mapping[str, Any]], component: str) -> str:
    """The URL of a component; empty if it has no container."""
    return next((row["url"] for row in found if row["component"] == component and row["state"] != ABSENT), "")


def table(found: Iterable[Mapping[str, Any]], missing: Mapping[str, str]) -> str:
    """`rows` and the unavailable components as text in columns."""
    text = aligned([COLUMNS, *(tuple(_cell(row, column) for column in COLUMNS) for row in found)])
    if missing:
        text += ["", "Unavailable:"]
        text += [f"  {name}: {reason}" for name, reason in sorted(missing.items())]
    return "\n".join(text)


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines of text in columns, with a rule below its heading."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return [text[0], "  ".join("-" * width for width in widths), *text[1:]]


def _cell(row: Mapping[str, Any], column: str) -> str:
    if column == "image":
        return _DIGEST.sub(r"\1", row["image"])
    if column != "memory":
        return str(row[column])
    used, limit = row["memory"]["used"], row["memory"]["limit"]
    most = sizes.show(limit) if limit else ""
    if used is None:
        return f"up to {most}" if most else ""
    return f"{sizes.show(used)} of {most}" if most else sizes.show(used)
