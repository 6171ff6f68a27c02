"""The pages of logs and metrics in a browser."""

import json
from urllib.parse import quote


def shows(*texts):
    """Whether the page shows one of `texts`, as a script."""
    return f"{json.dumps(texts)}.some((text) => document.body.innerText.includes(text))"


def test_the_page_of_logs(browser, logs, order):
    query = quote(f'request_id:="{order["request"]}"')
    browser.open(f"{logs.address}/select/vmui/?#/?query={query}&g0.range_input=1h&g0.relative_time=last_1_hour")
    browser.wait(shows(order["trace"], "saga"))


def test_the_page_of_metrics(browser, metrics):
    browser.open(f"{metrics.address}/vmui/?#/?g0.expr=up&g0.tab=1")
    browser.wait(shows("gateway"))
