"""Clients of the observability stores, with the queries of their web pages."""

import json
import time

import requests

SECONDS = 20


class _Store:
    """A component with an HTTP API."""

    component = ""
    port = "http"

    def __init__(self, lab):
        self.address = f"http://127.0.0.1:{lab.port(self.component, self.port)}"

    def get(self, path, **params):
        answer = requests.get(self.address + path, params=params, timeout=SECONDS)
        answer.raise_for_status()
        return answer


class Logs(_Store):
    """VictoriaLogs."""

    component = "victorialogs"

    def find(self, query):
        """The rows of a LogsQL query."""
        answer = requests.post(f"{self.address}/select/logsql/query", data={"query": query}, timeout=SECONDS)
        assert answer.ok, answer.text
        return [json.loads(row) for row in answer.text.splitlines()]

    def add(self, rows, **params):
        """Store rows {_time, _msg, …} directly."""
        body = "\n".join(json.dumps(row) for row in rows)
        requests.post(f"{self.address}/insert/jsonline", params=params, data=body, timeout=SECONDS).raise_for_status()


class Traces(_Store):
    """Zipkin."""

    component = "zipkin"

    def find(self, trace):
        """The spans of a trace, by ID; none if it does not exist."""
        answer = requests.get(f"{self.address}/api/v2/trace/{trace}", timeout=SECONDS)
        return {span["id"]: span for span in answer.json()} if answer.ok else {}

    def services(self, trace):
        """The services in its spans."""
        return {span["localEndpoint"]["serviceName"] for span in self.find(trace).values()}

    def dependencies(self):
        """Pairs of services of which the first calls the second."""
        links = self.get("/api/v2/dependencies", endTs=int(time.time() * 1000), lookback=3600000).json()
        return {(link["parent"], link["child"]) for link in links}


class Metrics(_Store):
    """VictoriaMetrics."""

    component = "victoriametrics"

    def find(self, query):
        """The current values of a PromQL query: [(labels, value)]."""
        result = self.get("/api/v1/query", query=query).json()["data"]["result"]
        return [(row["metric"], float(row["value"][1])) for row in result]

    def targets(self):
        """The scrape targets: {job: health}."""
        active = self.get("/api/v1/targets").json()["data"]["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in active}
