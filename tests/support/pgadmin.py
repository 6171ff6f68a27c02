"""pgAdmin's object tree in the browser."""

import re
import time
from contextlib import suppress

from playwright.sync_api import Locator, Page, TimeoutError, expect

SECONDS = 120
CLICKS = 10
CLICK_MILLISECONDS = 5000
OPEN = re.compile(r"\bopen\b")


def entry(page: Page, name: str) -> Locator:
    """An entry of the tree."""
    return page.locator(".file-entry").filter(has=page.locator(".file-name").get_by_text(name, exact=True))


def unfold(page: Page, *names: str) -> None:
    """Expand the tree along the names, until the last one is visible.

    pgAdmin opens the entries that it remembers from the last visit, and redraws the tree meanwhile: clicks are lost,
    and entries open or vanish by themselves. Each step therefore starts from what the tree shows.
    """
    entry(page, names[0]).wait_for()
    until = time.monotonic() + SECONDS
    while not entry(page, names[-1]).first.is_visible():
        assert time.monotonic() < until, f"pgAdmin does not show {' > '.join(names)}"
        shown = [name for name in names if entry(page, name).first.is_visible()]
        if shown:
            _open(entry(page, shown[-1]).first.locator(".directory-toggle"))


def select(page: Page, *names: str) -> None:
    """Click the last of the names, below the others."""
    for _ in range(CLICKS):
        unfold(page, *names)
        with suppress(TimeoutError):
            entry(page, names[-1]).first.click(timeout=CLICK_MILLISECONDS)
            return
    raise AssertionError(f"pgAdmin's tree does not hold still at {' > '.join(names)}")


def _open(toggle: Locator) -> None:
    """Click the arrow of an entry that is closed; clicked again, an entry closes."""
    try:
        expect(toggle).to_have_class(OPEN, timeout=1)
    except AssertionError:
        with suppress(TimeoutError):
            toggle.click(timeout=CLICK_MILLISECONDS)
