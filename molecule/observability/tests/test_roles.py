"""The role observability, verified from this machine and from within its containers."""

import documented
import pytest
from role_checks import assert_as_documented, assert_confined, container_of, inside

COLLECTOR = "otel-collector"


@pytest.mark.parametrize("component", sorted(documented.of_profile("observability")))
def test_it_runs_as_documented(host, lab, component):
    assert_as_documented(host, lab, component)
    assert_confined(host, lab, component)


@pytest.mark.parametrize("store", ["victorialogs", "victoriametrics"])
def test_what_is_collected_is_in_a_volume(lab, store):
    assert inside(container_of(lab, store)).mount_point("/var/tmp").exists


def test_the_collector_has_a_valid_configuration(lab):
    collector = inside(container_of(lab, COLLECTOR))
    assert collector.run("/otelcol-contrib validate --config=/etc/otelcol/collector.yaml").succeeded
