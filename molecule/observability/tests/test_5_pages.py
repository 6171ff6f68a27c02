"""The pages of logs, traces and metrics in a browser."""

from urllib.parse import quote

import browser
import pytest


@pytest.fixture
def opened(tmp_path):
    """Opens a page; its text once scripts have run."""
    return lambda url: browser.text(url, tmp_path)


def test_the_page_of_logs(opened, logs, order):
    query = quote(f'request_id:="{order["request"]}"')
    page = opened(f"{logs.address}/select/vmui/?#/?query={query}&g0.range_input=1h&g0.relative_time=last_1_hour")
    assert order["trace"] in page


def test_the_page_of_traces(opened, traces, order):
    page = opened(f"{traces.address}/zipkin/traces/{order['trace']}")
    for words in ("post /api/v1/orders", "gateway", "payment"):
        assert words in page.lower()


def test_the_page_of_metrics(opened, metrics):
    page = opened(f"{metrics.address}/vmui/?#/?g0.expr=up&g0.tab=1")
    assert "gateway" in page
