"""A real Envoy with services behind it, shared by the tests of the gateway."""

import pytest
from gateway_services import SERVICES
from gateways import Gateway, build_upstream


@pytest.fixture(scope="package")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    gateway = Gateway(folder, build_upstream(folder))
    try:
        for service in ("auth", "order"):
            gateway.serve(service)
        gateway.serve("product", 1)
        gateway.serve("product", 2)
        run = gateway.converge(SERVICES)
        assert not run.failed, run.output
        gateway.wait_healthy()
        gateway.eventually(200, "/api/v1/orders/7", token=gateway.keys.token())
        yield gateway
    finally:
        gateway.remove()
