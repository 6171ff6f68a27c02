"""Metrics targets and OpenTelemetry variables. Pure functions over plain data."""

from collections.abc import Iterable, Mapping
from typing import Any

METRICS_PATH = "/metrics"


def targets(
    catalogue: Mapping[str, Mapping[str, Any]], names: Iterable[str], instance: str, networks: Iterable[str]
) -> list[dict[str, Any]]:
    """The Prometheus targets among the components `names`: {job, host, port, path}.

    :param networks: networks of the collector, the preferred one first. Components on none of them are left out.

    The host is a name on one network, because a component on two would be found twice, and the gateway's metrics are
    available on one of its networks only.
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
    """The variables of the OpenTelemetry specification that configure a program in any language.

    :param endpoint: of an OTLP receiver over HTTP; empty if there is none.
    :param sampling: percentage of traced requests without a parent; others follow their parent.
    """
    if not endpoint:
        return {}
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        # The percentage as a fraction in scientific notation, because Docker Compose cannot divide.
        "OTEL_TRACES_SAMPLER_ARG": f"{sampling}e-2",
        "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace={instance}",
        # Logs are read from standard output, and would be duplicated.
        "OTEL_LOGS_EXPORTER": "none",
        # The default of five seconds is too long for a developer.
        "OTEL_BSP_SCHEDULE_DELAY": "1000",
    }
