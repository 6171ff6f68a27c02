"""The roles gateway, go_service and dashboard, verified from within their containers."""

import checkout as checkouts
import documented
from role_checks import container_of, inside, port_of


def test_the_gateway_runs_a_valid_configuration_as_an_unprivileged_user(lab):
    gateway = inside(container_of(lab, "gateway"))
    assert gateway.check_output("id -u") != "0"
    assert gateway.file("/etc/envoy/bootstrap.json").is_file
    assert gateway.run("envoy --mode validate --config-path /etc/envoy/bootstrap.json --base-id 99").succeeded


def test_the_gateway_answers_on_its_port_in_json(host, lab):
    url = f"http://127.0.0.1:{port_of(lab, 'gateway', 'http')}"
    answer = host.check_output("curl --silent --include %s/no-such-route", url)
    assert answer.startswith("HTTP/1.1 404")
    assert "application/problem+json" in answer


def test_services_run_from_artifacts_that_they_cannot_write(lab):
    for name in checkouts.services(lab):
        service = inside(container_of(lab, name))
        assert service.file(f"/cloudlab/bin/services/{name}/program").is_file
        assert service.run(f"touch /cloudlab/bin/services/{name}/probe").failed
        assert service.check_output("id -u") != "0"


def test_services_are_ready_on_their_ports(host, lab):
    for name in checkouts.services(lab):
        url = f"http://127.0.0.1:{port_of(lab, name, 'http')}/readyz"
        assert host.run("curl --silent --fail %s", url).succeeded, name


def test_the_builder_reads_the_checkout_only(lab):
    builder = inside(container_of(lab, "builder"))
    [source] = [mount for mount in builder.mount_point.get_mountpoints() if mount.path == "/src"]
    assert "ro" in source.options


def test_the_dashboard_cannot_change_what_it_serves(lab):
    dashboard = inside(container_of(lab, "dashboard"))
    assert dashboard.file("/etc/nginx/nginx.conf").is_file
    assert dashboard.run("touch /etc/nginx/probe").failed
    _, port = documented.components()["dashboard"].ports["http"]
    assert dashboard.run(f"wget -q -O /dev/null http://127.0.0.1:{port}/").succeeded
