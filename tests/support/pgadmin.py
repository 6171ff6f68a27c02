"""pgAdmin's object tree in the browser."""

import re
import time
from contextlib import suppress

from playwright.sync_api import Locator, Page, TimeoutError, expect

SECONDS = 240
CLICKS = 10
CLICK_MILLISECONDS = 5000
CHILD_MILLISECONDS = 15000
OPEN = re.compile(r"\bopen\b")


def entry(page: Page, name: str) -> Locator:
    """An entry of the tree."""
    return page.locator(".file-entry").filter(has=page.locator(".file-name").get_by_text(name, exact=True))


def unfold(page: Page, *names: str) -> None:
    """Expand the tree along the names, until the last one is visible.

    pgAdmin opens the entries that it remembers from the last visit, and redraws the tree meanwhile: clicks are lost,
    entries open or vanish by themselves, and some open without their children. Each step therefore starts from what
    the tree shows.
    """
    entry(page, names[0]).wait_for()
    until = time.monotonic() + SECONDS
    while not entry(page, names[-1]).first.is_visible():
        shown = [name for name in names[:-1] if entry(page, name).first.is_visible()]
        assert time.monotonic() < until, f"pgAdmin shows {shown} of {' > '.join(names)}"
        with suppress(TimeoutError):
            _step(page, shown[-1], names[len(shown)]) if shown else entry(page, names[0]).wait_for()


def select(page: Page, *names: str) -> None:
    """Click the last of the names, below the others."""
    for _ in range(CLICKS):
        unfold(page, *names)
        with suppress(TimeoutError):
            entry(page, names[-1]).first.click(timeout=CLICK_MILLISECONDS)
            return
    raise AssertionError(f"pgAdmin's tree does not hold still at {' > '.join(names)}")


def _step(page: Page, name: str, child: str) -> None:
    """Open an entry, or close one that opened without its child."""
    toggle = entry(page, name).first.locator(".directory-toggle")
    if not _is_open(toggle):
        toggle.click(timeout=CLICK_MILLISECONDS)
    try:
        entry(page, child).first.wait_for(timeout=CHILD_MILLISECONDS)
    except TimeoutError:
        if _is_open(toggle):
            toggle.click(timeout=CLICK_MILLISECONDS)


def _is_open(toggle: Locator) -> bool:
    try:
        expect(toggle).to_have_class(OPEN, timeout=1)
    except AssertionError:
        return False
    return True
