"""A client of an Elasticsearch server."""

from collections.abc import Mapping
from typing import Any

from cloudlab.stores import http
from cloudlab.stores.elasticsearch.objects import Index, Plan, State, canonical_index, canonical_template
from cloudlab.stores.readiness import NotYetError


class Server:
    """An Elasticsearch server. ``url``: of its published port; ``user`` and ``password`` if security is enabled."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None):
        self._http = http.Client(url, user, password)

    def ready(self) -> bool:
        """True when the server has a master and its metadata. Raises ``NotYetError`` until then.

        A refused password is an :class:`http.HTTPError`: waiting would not help.
        """
        answer = self._http.probe("/_cluster/health")
        if answer.json()["status"] == "red":
            raise NotYetError(f"HTTP {answer.status_code}: {answer.text[:200]}")
        return True

    def state(self, declared: State) -> State:
        """All index templates and the declared indices, from at most two requests."""
        listed = self._http.call("GET", "/_index_template", params={"flat_settings": "true"})["index_templates"]
        indices: Mapping[str, Any] = {}
        if declared.indices:
            options = {"flat_settings": "true", "ignore_unavailable": "true"}
            indices = self._http.call("GET", "/" + ",".join(declared.indices), params=options)
        return State(
            templates={entry["name"]: canonical_template(entry["index_template"]) for entry in listed},
            indices={name: canonical_index(index) for name, index in indices.items()},
        )

    def indices(self) -> dict[str, Index]:
        """All indices by name, except hidden ones."""
        options = {"format": "json", "h": "index,health,docs.count", "expand_wildcards": "open"}
        listed = self._http.call("GET", "/_cat/indices", params=options)
        return {entry["index"]: Index(entry["health"], int(entry["docs.count"] or 0)) for entry in listed}

    def apply(self, steps: Plan) -> None:
        """Apply every step. Raises :class:`ObjectsError` with every refused one."""
        self._http.send((step.what, "PUT", step.path, step.body) for step in steps.steps)
