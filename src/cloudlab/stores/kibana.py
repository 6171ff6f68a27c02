"""Kibana's data views: what is declared, what Kibana has, and the steps between the two.

``declare``, ``plan``, ``difference`` and ``script`` are pure; ``Server`` asks and applies over HTTP.

A data view is ``{title, name, timeFieldName}`` in Kibana's words, by its id.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from cloudlab.stores import http
from cloudlab.stores.readiness import NotYetError

PATH = "/api/data_views/data_view"
PARTS = ("title", "name", "timeFieldName")
# Kibana refuses what a foreign page could send, which is all without a header of its own.
OWN_HEADER = {"kbn-xsrf": "cloudlab"}

DataViews = Mapping[str, Mapping[str, str]]


class DataViewsError(ValueError):
    """The declaration is wrong or Kibana refused a step; ``problems`` holds one message each."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


def declare(views: Iterable[Mapping[str, Any]]) -> DataViews:
    """The declared data views from a list of ``{title, id, name, time_field}``. Raises :class:`DataViewsError`."""
    declared: dict[str, Mapping[str, str]] = {}
    problems = []
    for view in views:
        title = view["title"]
        key = view.get("id") or title
        if key in declared:
            problems.append(f"data view {key} is declared twice")
        parts = {"title": title, "name": view.get("name") or title, "timeFieldName": view.get("time_field")}
        declared[key] = _canonical(parts)
    if problems:
        raise DataViewsError(problems)
    return declared


def plan(declared: DataViews, existing: DataViews) -> DataViews:
    """The declared data views that are missing or differ. Others are left alone."""
    return {key: view for key, view in declared.items() if existing.get(key) != view}


def difference(steps: DataViews, existing: DataViews) -> tuple[dict, dict]:
    """(before, after): the data views that change."""
    before = {key: dict(existing[key]) for key in steps if key in existing}
    return before, {key: dict(view) for key, view in steps.items()}


def script(declared: DataViews, url: str) -> str:
    """A shell script that makes or replaces what is declared."""
    headers = {"Content-Type": "application/json", **OWN_HEADER}
    options = " ".join(f"--header {shlex.quote(f'{name}: {value}')}" for name, value in headers.items())
    ask = f"curl --silent --show-error --fail --max-time 30 --output /dev/null {options} --data @-"
    bodies = [json.dumps(_wanted(key, view), indent=2) for key, view in declared.items()]
    return "".join(f"{ask} {shlex.quote(url + PATH)} <<'JSON'\n{body}\nJSON\n" for body in bodies)


class Server:
    """A Kibana server. ``url``: of its published port; ``user`` and ``password`` where Elasticsearch asks for them."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None):
        self._http = http.Client(url, user, password, **OWN_HEADER)

    def ready(self) -> bool:
        """True when Kibana has all that it needs. Raises ``NotYetError`` until then."""
        try:
            status = self._http.probe("/api/status").json()
        except http.HTTPError as error:
            raise DataViewsError([str(error)]) from None
        if status["status"]["overall"]["level"] != "available":
            raise NotYetError(f"it is {status['status']['overall']['level']}")
        return True

    def state(self, declared: DataViews) -> DataViews:
        """Those of the declared data views that there are: one request each."""
        found = {key: self._get(key) for key in declared}
        return {key: view for key, view in found.items() if view is not None}

    def apply(self, steps: DataViews) -> None:
        """Make or replace data views. Raises :class:`DataViewsError` with every refused one."""
        problems = []
        for key, view in steps.items():
            try:
                self._http.call("POST", PATH, json=_wanted(key, view))
            except http.HTTPError as error:
                problems.append(f"data view {key}: {error}")
        if problems:
            raise DataViewsError(problems)

    def _get(self, key: str) -> Mapping[str, str] | None:
        try:
            return _canonical(self._http.call("GET", f"{PATH}/{quote(key, safe='')}")["data_view"])
        except http.HTTPError as error:
            if error.status == 404:
                return None
            raise DataViewsError([f"data view {key}: {error}"]) from None


def _wanted(key: str, view: Mapping[str, str]) -> dict[str, Any]:
    """What makes Kibana have the data view as it is declared."""
    return {"data_view": {"id": key, **view}, "override": True}


def _canonical(view: Mapping[str, Any]) -> dict[str, str]:
    """What of a data view can be declared, without empty parts."""
    return {part: str(view[part]) for part in PARTS if view.get(part)}
