"""Kibana's data views: desired state, actual state, and the steps between them. Pure functions.

A data view is ``{title, name, timeFieldName}`` as in Kibana's API, by its id.
"""

from collections.abc import Mapping
from typing import Any

from cloudlab.stores.base import ObjectsError

PATH = "/api/data_views/data_view"
PARTS = ("title", "name", "timeFieldName")
# Without this header Kibana refuses requests, as protection against cross-site request forgery.
OWN_HEADER = {"kbn-xsrf": "cloudlab"}

DataViews = Mapping[str, Mapping[str, str]]
NOTHING: DataViews = {}


def declare(arguments: Mapping[str, Any]) -> DataViews:
    """The declared ``data_views`` from a list of ``{title, id, name, time_field}``. Raises :class:`ObjectsError`."""
    declared: dict[str, Mapping[str, str]] = {}
    problems = []
    for view in arguments["data_views"]:
        title = view["title"]
        key = view.get("id") or title
        if key in declared:
            problems.append(f"data view {key} is declared twice")
        parts = {"title": title, "name": view.get("name") or title, "timeFieldName": view.get("time_field")}
        declared[key] = canonical(parts)
    if problems:
        raise ObjectsError(problems)
    return declared


def plan(declared: DataViews, existing: DataViews) -> DataViews:
    """The declared data views that are missing or differ. Others are not changed."""
    return {key: view for key, view in declared.items() if existing.get(key) != view}


def difference(steps: DataViews, existing: DataViews) -> tuple[dict, dict]:
    """(before, after): the data views that change."""
    before = {key: dict(existing[key]) for key in steps if key in existing}
    return before, {key: dict(view) for key, view in steps.items()}


def canonical(view: Mapping[str, Any]) -> dict[str, str]:
    """The declarable parts of a data view, without empty ones."""
    return {part: str(view[part]) for part in PARTS if view.get(part)}


def request(key: str, view: Mapping[str, str]) -> dict[str, Any]:
    """The body of the request that creates or replaces the data view."""
    return {"data_view": {"id": key, **view}, "override": True}
