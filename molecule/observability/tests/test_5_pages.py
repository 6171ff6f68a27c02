"""The pages of logs, traces and metrics in a browser."""

from urllib.parse import quote

import browser
import pytest


@pytest.fixture
def page():
    """A page of a browser that nobody has used before."""
    with browser.page() as opened:
        yield opened


def see(page, *texts):
    """Wait until each of these is shown."""
    for text in texts:
        page.get_by_text(text).first.wait_for()


def test_the_page_of_logs(page, logs, order):
    query = quote(f'request_id:="{order["request"]}"')
    page.goto(
        f"{logs.address}/select/vmui/?#/?query={query}&groupBy=_stream&g0.range_input=1h&g0.relative_time=last_1_hour"
    )
    see(page, *(f'component="{hop}"' for hop in ("gateway", "order", "payment", "inventory", "notification")))


def test_the_page_of_traces(page, traces, order):
    page.goto(f"{traces.address}/zipkin/traces/{order['trace']}")
    see(page, "gateway: ingress", "order: post /api/v1/orders", "product: product.v1.productservice/getvariants")


def test_the_page_of_metrics(page, metrics):
    page.goto(f"{metrics.address}/vmui/?#/?g0.expr=up&g0.tab=1")
    see(page, "gateway")
