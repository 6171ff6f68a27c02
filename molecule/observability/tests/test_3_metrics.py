"""Numbers of services, gateway and containers."""

from lab import wait_until

SERVICES = ("order", "payment", "inventory", "product")


def test_everything_that_publishes_metrics_is_asked(metrics):
    def strange():
        return {job: health for job, health in metrics.targets().items() if health != "up"}

    wait_until(lambda: metrics.targets() and not strange(), "all targets are up", 40)
    assert set(metrics.targets()) >= {*SERVICES, "gateway", "otel-collector", "zipkin", "victorialogs"}


def test_requests_by_route(metrics, order):
    query = 'http_server_request_duration_seconds_count{component="order",route="POST /api/v1/orders"}'
    wait_until(lambda: sum(value for _, value in metrics.find(query)) >= 1, "the order is counted", 30)


def test_lag_pools_and_the_gateway(metrics):
    for query in (
        'kafka_consumer_lag_records{component="notification"}',
        'pg_pool_open_connections{component="order"}',
        'go_goroutines{component="order"}',
        'envoy_http_downstream_rq_total{component="gateway"}',
    ):
        wait_until(lambda: metrics.find(query), query, 30)  # noqa: B023 - asked at once


def test_containers(lab, metrics):
    for name in ("container_memory_usage_total", "container_cpu_utilization", "container_restarts"):
        query = f'{{__name__=~"{name}.*",component="kafka"}}'
        wait_until(lambda: metrics.find(query), query, 60)  # noqa: B023 - asked at once
    instances = {labels.get("instance") for labels, _ in metrics.find('{__name__=~"container_restarts.*"}')}
    assert instances == {lab.instance}
