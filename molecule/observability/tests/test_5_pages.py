"""The pages of logs and metrics in a browser."""

import shutil
import subprocess
from urllib.parse import quote

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def opened(tmp_path):
    """Opens a page as a browser does; its text once scripts have run."""
    if not BROWSER:
        pytest.skip("no chromium on this machine")

    def open_page(url):
        done = subprocess.run(
            [
                BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
                f"--user-data-dir={tmp_path}", "--window-size=1400,1000", "--virtual-time-budget=15000", "--dump-dom",
                url,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120,
        )  # fmt: skip
        return done.stdout

    return open_page


def test_the_page_of_logs(opened, logs, order):
    query = quote(f'request_id:="{order["request"]}"')
    page = opened(f"{logs.address}/select/vmui/?#/?query={query}&g0.range_input=1h&g0.relative_time=last_1_hour")
    assert order["trace"] in page or "saga" in page


def test_the_page_of_metrics(opened, metrics):
    page = opened(f"{metrics.address}/vmui/?#/?g0.expr=up&g0.tab=1")
    assert "gateway" in page
