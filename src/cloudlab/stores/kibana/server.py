"""A client of a Kibana server."""

from collections.abc import Mapping
from urllib.parse import quote

from cloudlab.stores import http
from cloudlab.stores.base import ObjectsError
from cloudlab.stores.kibana.objects import OWN_HEADER, PATH, DataViews, canonical, request
from cloudlab.stores.readiness import NotYetError


class Server:
    """A Kibana server. ``url``: of its published port; ``user`` and ``password`` where Elasticsearch requires them."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None):
        self._http = http.Client(url, user, password, **OWN_HEADER)

    def ready(self) -> bool:
        """True when Kibana is available. Raises ``NotYetError`` until then."""
        status = self._http.probe("/api/status").json()
        if status["status"]["overall"]["level"] != "available":
            raise NotYetError(f"it is {status['status']['overall']['level']}")
        return True

    def state(self, declared: DataViews) -> DataViews:
        """The declared data views that exist, from one request each."""
        found = {key: self._get(key) for key in declared}
        return {key: view for key, view in found.items() if view is not None}

    def apply(self, steps: DataViews) -> None:
        """Create or replace data views. Raises :class:`ObjectsError` with every refused one."""
        self._http.send((f"data view {key}", "POST", PATH, request(key, view)) for key, view in steps.items())

    def _get(self, key: str) -> Mapping[str, str] | None:
        try:
            return canonical(self._http.call("GET", f"{PATH}/{quote(key, safe='')}")["data_view"])
        except http.HTTPError as error:
            if error.status == 404:
                return None
            raise ObjectsError([f"data view {key}: {error}"]) from None
