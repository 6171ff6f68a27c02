"""Envoy's configuration, generated from the model. The integration tests run it in Envoy."""

import dataclasses
import json
import re

from gateway_samples import CORS, SERVICES, SETTINGS, gateway

from cloudlab.gateway import clusters, config, listener, model, replies, routing


def routes_of(made):
    return {route["name"]: route for route in routing.routing(made)["virtual_hosts"][0]["routes"]}


def manager_of(made):
    return listener.listener(made)["filter_chains"][0]["filters"][0]["typed_config"]


def test_only_used_ports_have_a_cluster():
    made = {cluster["name"]: cluster for cluster in clusters.clusters(gateway())}
    assert list(made) == ["auth", "order", "order.grpc"]
    address = made["order.grpc"]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
    assert address == {"socket_address": {"address": "order", "port_value": 9090}}
    protocol = made["order.grpc"]["typed_extension_protocol_options"].popitem()[1]["explicit_http_config"]
    assert protocol == {"http2_protocol_options": {}}


def test_without_token_checks_no_keys_are_fetched():
    open_only = {"name": "web", "http": 80, "grpc": None, "routes": [{"prefix": "/", "auth": "none"}]}
    made = gateway(SERVICES[0], open_only)
    assert [cluster["name"] for cluster in clusters.clusters(made)] == ["web"]
    assert routing.FILTER_JWT not in [one["name"] for one in manager_of(made)["http_filters"]]


def test_a_prefix_matches_whole_path_segments():
    made = routes_of(gateway())
    assert made["order:GET,HEAD,POST /orders"]["match"]["path_separated_prefix"] == "/orders"
    assert made["order:/files/"]["match"] == {"prefix": "/files/"}


def test_every_route_has_a_token_rule():
    for name, route in routes_of(gateway()).items():
        rule = route["typed_per_filter_config"][routing.FILTER_JWT]
        if name.startswith("gateway:") or name == "order:/files/":
            assert rule["disabled"] is True
        else:
            assert rule["requirement_name"] == "required"


def test_only_safe_methods_are_retried():
    made = routes_of(gateway())
    policy = made["order:GET,HEAD,POST /orders"]["route"]["retry_policy"]
    [header] = policy["retriable_request_headers"]
    pattern = header["string_match"]["safe_regex"]["regex"]
    assert {method for method in model.METHODS if re.fullmatch(pattern, method)} == {"GET", "HEAD", "OPTIONS"}
    assert "retry_policy" not in made["order:/files/"]["route"]
    assert "retry_policy" not in made["order:/shop.Orders/"]["route"]


def test_timeouts():
    made = routes_of(gateway())
    assert made["order:GET,HEAD,POST /orders"]["route"]["timeout"] == "15s"
    assert made["order:/files/"]["route"]["timeout"] == "0s"
    limits = made["order:/shop.Orders/"]["route"]["max_stream_duration"]
    assert limits == {"max_stream_duration": "5s", "grpc_timeout_header_max": "5s"}
    assert [routing.duration(seconds) for seconds in (0, 0.5, 90, 1.25)] == ["0s", "0.5s", "90s", "1.25s"]


def test_a_rate_limit_is_enforced_and_in_the_headers():
    limit = routes_of(gateway())["order:GET,HEAD,POST /orders"]["typed_per_filter_config"][routing.FILTER_LIMIT]
    assert limit["token_bucket"] == {"max_tokens": 10, "tokens_per_fill": 10, "fill_interval": "60s"}
    assert limit["filter_enforced"]["default_value"]["numerator"] == 100
    assert limit["enable_x_ratelimit_headers"] == "DRAFT_VERSION_03"
    assert limit["response_headers_to_add"][0]["header"] == {"key": "retry-after", "value": "6"}


def test_unmatched_requests_are_answered_last():
    names = [route["name"] for route in routing.routing(gateway())["virtual_hosts"][0]["routes"]]
    assert names[0] == "gateway:preflight"
    assert names[-1] == "gateway:unknown"
    assert names.index("order:GET,HEAD,POST /orders") < names.index("gateway:methods of /orders")


def test_a_gateway_without_routes_answers_health_checks():
    assert list(routes_of(gateway(SERVICES[0]))) == ["gateway:health", "gateway:unknown"]


def test_origins():
    cors = dataclasses.replace(CORS, origins=("https://shop.example", "http://localhost:*", "http://*.test"))
    exact, port, wild = routing.cors_policy(cors)["allow_origin_string_match"]
    assert exact == {"exact": "https://shop.example"}
    port, wild = (match["safe_regex"]["regex"] for match in (port, wild))
    assert re.fullmatch(port, "http://localhost:5173") and not re.fullmatch(port, "http://localhost:5173/x")
    assert re.fullmatch(wild, "http://a.test") and not re.fullmatch(wild, "http://aXtest")


def test_cors_comes_before_limits_and_token_checks():
    names = [one["name"].rsplit(".", 1)[1] for one in manager_of(gateway())["http_filters"]]
    assert names == ["header_to_metadata", "cors", "local_ratelimit", "jwt_authn", "lua", "router"]


def test_clients_cannot_set_the_headers_of_claims():
    [mutation] = manager_of(gateway())["early_header_mutation_extensions"]
    assert mutation["typed_config"]["mutations"] == [{"remove": "x-user-id"}]


def test_empty_issuer_and_audiences_are_omitted():
    jwt = dataclasses.replace(SETTINGS.jwt, issuer="", audiences=())
    filters = {one["name"]: one["typed_config"] for one in manager_of(gateway(jwt=jwt))["http_filters"]}
    provider = filters[routing.FILTER_JWT]["providers"][listener.PROVIDER]
    assert "issuer" not in provider and "audiences" not in provider and provider["require_expiration"] is True


def test_spans_need_a_collector():
    assert "tracing" not in manager_of(gateway())
    made = gateway(tracing="collector:4318")
    assert manager_of(made)["tracing"]["random_sampling"] == {"value": 100}
    assert clusters.clusters(made)[-1]["name"] == clusters.TRACING


def test_special_replies_come_first():
    bodies = [mapper["body_format_override"] for mapper in replies.local_replies("auth")["mappers"]]
    texts = [json.dumps(body) for body in bodies]
    no_keys = next(place for place, text in enumerate(texts) if "auth is not available" in text and "json" in text)
    unauthorized = next(place for place, text in enumerate(texts) if '"Unauthorized"' in text)
    assert no_keys < unauthorized


def test_the_files_are_reproducible():
    assert config.live_files(gateway()) == config.live_files(gateway())
    assert (
        config.version(config.live_files(gateway())[config.ROUTES])
        == json.loads(config.live_files(gateway())[config.ROUTES])["version_info"]
    )


def test_a_changed_route_changes_only_the_routes():
    changed = [SERVICES[0], SERVICES[1] | {"routes": [*SERVICES[1]["routes"], {"prefix": "/new"}]}, SERVICES[2]]
    before, after = config.live_files(gateway()), config.live_files(gateway(*changed))
    assert {name for name in config.FILES if before[name] != after[name]} == {config.ROUTES}
    assert config.bootstrap(gateway()) == config.bootstrap(gateway(*changed))


def test_the_standalone_configuration_has_all_live_resources():
    made = gateway()
    static = json.loads(config.standalone(made))["static_resources"]
    assert [cluster["name"] for cluster in static["clusters"]] == ["auth", "order", "order.grpc"]
    manager = static["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    assert "rds" not in manager and len(manager["route_config"]["virtual_hosts"][0]["routes"]) == len(routes_of(made))


def test_the_bootstrap_has_no_admin_address():
    assert "admin" not in json.loads(config.bootstrap(gateway()))
