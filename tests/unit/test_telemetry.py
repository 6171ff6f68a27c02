"""Metrics targets, OpenTelemetry variables and planned components."""

from cloudlab.model import catalogue
from cloudlab.observe import telemetry

COMPONENTS = {
    "gateway": {"networks": ["backend", "monitoring"], "metrics": {"port": 9901, "path": "/stats"}},
    "order": {"networks": ["backend", "database"], "metrics": {"port": 8080}},
    "alone": {"networks": ["database"], "metrics": {"port": 8080}},
    "silent": {"networks": ["backend"]},
}


def test_targets_have_metrics_and_a_common_network():
    assert telemetry.targets(COMPONENTS, COMPONENTS, "lab", ["monitoring", "backend"]) == [
        {"job": "gateway", "host": "gateway.lab-monitoring", "port": 9901, "path": "/stats"},
        {"job": "order", "host": "order.lab-backend", "port": 8080, "path": "/metrics"},
    ]


def test_variables_require_a_collector():
    assert telemetry.variables("", 100, "lab") == {}
    found = telemetry.variables("http://collector:4318", 25, "lab")
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    assert found["OTEL_TRACES_SAMPLER_ARG"] == "25e-2"


def test_planned_components_do_not_depend_on_tags():
    entries = {name: {"summary": name} for name in ("a", "b", "c", "d")} | {"b": {"summary": "b", "needs": ["a"]}}
    profiles = {"some": {"components": ["b", "d"]}}
    context = {"catalogue": entries, "profile": "some", "unavailable": {"d": "no image"}}
    assert set(catalogue.planned(context | {"chosen": ["a"]}, profiles)) == {"a", "b"}
    assert set(catalogue.planned(context | {"chosen": ["c"]}, profiles)) == {"a", "b", "c"}


def test_a_profile_can_leave_components_out():
    entries = {name: {"summary": name} for name in ("a", "b")}
    assert catalogue.choose(entries, {"p": {"components": "all", "without": ["b"]}}, "p", []) == ["a"]
