"""What components publish and send about themselves. Pure functions over plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

METRICS_PATH = "/metrics"


def targets(
    catalogue: Mapping[str, Mapping[str, Any]], names: Iterable[str], instance: str, networks: Iterable[str]
) -> list[dict[str, Any]]:
    """What Prometheus metrics are asked for, of those components `names` that publish any: {job, host, port, path}.

    :param networks: those of whoever asks, the preferred one first. Who is on none of them cannot be asked.

    The host is a name on one network: a component on two would be found twice, and the gateway's metrics are to be had
    on one of its networks only.
    """
    networks = list(networks)
    found = []
    for name in sorted(names):
        declared = catalogue[name].get("metrics")
        common = [network for network in networks if network in catalogue[name].get("networks", [])]
        if declared and common:
            host = f"{name}.{instance}-{common[0]}"
            path = declared.get("path", METRICS_PATH)
            found.append({"job": name, "host": host, "port": declared["port"], "path": path})
    return found


def variables(endpoint: str, sampling: int, instance: str) -> dict[str, str]:
    """The variables of the OpenTelemetry specification by which a program in any language knows where its spans go.

    :param endpoint: of a collector that takes OTLP over HTTP; empty when there is none.
    :param sampling: of a hundred requests that begin here, how many are traced. One that comes in goes on as it came.
    """
    if not endpoint:
        return {}
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        # A hundredth by its exponent, which every language reads: Docker Compose can fill in a number, but not divide.
        "OTEL_TRACES_SAMPLER_ARG": f"{sampling}e-2",
        "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace={instance}",
        # Lines are read from standard output: what were sent besides would be there twice.
        "OTEL_LOGS_EXPORTER": "none",
        # A developer looks a second later; the default gathers spans for five.
        "OTEL_BSP_SCHEDULE_DELAY": "1000",
    }
