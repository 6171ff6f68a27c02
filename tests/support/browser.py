"""Web pages in a headless Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
SECONDS = 120
SIZE = (1400, 1000)
OPTIONS = [
    # Required to run as root; the pages are trusted.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def page() -> Iterator[Page]:
    """A page whose locators wait for their elements."""
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=_program(), args=OPTIONS)
        try:
            opened = chromium.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
            opened.set_default_timeout(SECONDS * 1000)
            yield opened
        finally:
            chromium.close()


def _program() -> str:
    assert PROGRAM, "no chromium on this machine; tests/support/fetch_tools.sh installs it on Debian"
    return PROGRAM
