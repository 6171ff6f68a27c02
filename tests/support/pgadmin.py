"""pgAdmin's object tree in the browser."""

from itertools import pairwise

from playwright.sync_api import Locator, Page, TimeoutError

# An odd number, because a second click collapses an entry that opened slowly.
CLICKS = 5
MILLISECONDS = 20000


def entry(page: Page, name: str) -> Locator:
    """An entry of the tree."""
    return page.locator(".file-entry").filter(has=page.locator(".file-name").get_by_text(name, exact=True))


def unfold(page: Page, *names: str) -> None:
    """Expand the tree along the names, until the last one is visible."""
    for name, child in pairwise(names):
        _open(page, name, child)


def _open(page: Page, name: str, child: str) -> None:
    """Expand an entry. A click while the tree is redrawn is lost, so it is repeated."""
    for _ in range(CLICKS):
        entry(page, name).locator(".directory-toggle").click()
        try:
            entry(page, child).first.wait_for(timeout=MILLISECONDS)
        except TimeoutError:
            continue
        return
    raise AssertionError(f"pgAdmin shows no {child} below {name}")
