"""Envoy's clusters: how the gateway reaches the services. Pure functions over the model."""

from typing import Any

from cloudlab.gateway.model import Gateway, Route, Settings

Resource = dict[str, Any]

TYPE_CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
TRACING = "tracing"
_PROTOCOL = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_TYPE_DNS = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster"
_TYPE_CARES = "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"


def cluster_of(route: Route) -> str:
    """The cluster of a route."""
    return grpc_name(route.service) if route.grpc else route.service


def grpc_name(service: str) -> str:
    """The cluster of a service's gRPC port."""
    return f"{service}.grpc"


def clusters(gateway: Gateway) -> list[Resource]:
    """A cluster for every port that routes, the signing keys or traces use."""
    used = {cluster_of(route) for route in gateway.routes}
    if any(route.auth != "none" for route in gateway.routes):
        used.add(gateway.settings.jwt.service)
    wanted: dict[str, Resource] = {}
    for service in gateway.services:
        http, grpc = service.name, grpc_name(service.name)
        if service.http and http in used:
            wanted[http] = _cluster(http, service.name, service.http, http2=False)
        if service.grpc and grpc in used:
            wanted[grpc] = _cluster(grpc, service.name, service.grpc, http2=True)
    return [wanted[name] for name in sorted(wanted)] + _tracing(gateway.settings)


def _tracing(settings: Settings) -> list[Resource]:
    if not settings.tracing:
        return []
    host, port = settings.tracing.rsplit(":", 1)
    return [_cluster(TRACING, host, int(port), http2=False)]


def _cluster(name: str, host: str, port: int, *, http2: bool) -> Resource:
    address = {"socket_address": {"address": host, "port_value": port}}
    return {
        "@type": TYPE_CLUSTER,
        "name": name,
        "cluster_type": {"name": "envoy.clusters.dns", "typed_config": _name_service()},
        "lb_policy": "ROUND_ROBIN",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": 256, "max_pending_requests": 256, "max_requests": 512, "max_retries": 16},
            ],
        },
        "outlier_detection": _outlier_detection(),
        # Detects a replica that disappeared without closing its connections.
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_probes": 3, "keepalive_time": 10, "keepalive_interval": 5},
        },
        "typed_extension_protocol_options": {_PROTOCOL: _protocol(http2)},
    }


def _name_service() -> Resource:
    """A service's name resolves to all of its replicas. It is resolved again periodically, regardless of the TTL."""
    return {
        "@type": _TYPE_DNS,
        "dns_lookup_family": "V4_ONLY",
        "dns_refresh_rate": "2s",
        "dns_failure_refresh_rate": {"base_interval": "0.5s", "max_interval": "2s"},
        "typed_dns_resolver_config": {
            "name": "envoy.network.dns_resolver.cares",
            "typed_config": {
                "@type": _TYPE_CARES,
                # The name is complete; a search domain of the host could resolve it to another machine.
                "dns_resolver_options": {"no_default_search_domain": True},
                # The engine's name server is one hop away, so it responds at once or not at all.
                "query_timeout_seconds": 1,
                "query_tries": 2,
            },
        },
    }


def _outlier_detection() -> Resource:
    """Eject a replica after consecutive failures, but never the only one, whose responses explain the failure."""
    return {
        "consecutive_5xx": 5,
        "consecutive_gateway_failure": 5,
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
        "interval": "2s",
        "base_ejection_time": "5s",
        "max_ejection_time": "30s",
        "max_ejection_percent": 50,
    }


def _protocol(http2: bool) -> Resource:
    return {
        "@type": f"type.googleapis.com/{_PROTOCOL}",
        "explicit_http_config": {"http2_protocol_options" if http2 else "http_protocol_options": {}},
        # Shorter than the idle timeout of servers, so that no request is sent on a connection that they close.
        "common_http_protocol_options": {"idle_timeout": "30s"},
    }
