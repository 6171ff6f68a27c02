"""pgAdmin's tree of objects, opened as a person opens it."""

from itertools import pairwise

from playwright.sync_api import Locator, Page, TimeoutError

# An odd number: a second click closes what the first one opened too slowly.
CLICKS = 5
MILLISECONDS = 20000


def entry(page: Page, name: str) -> Locator:
    """A line of the tree."""
    return page.locator(".file-entry").filter(has=page.locator(".file-name").get_by_text(name, exact=True))


def unfold(page: Page, *names: str) -> None:
    """Open the tree from its first line down to the last one of these, which is shown then."""
    for name, child in pairwise(names):
        _open(page, name, child)


def _open(page: Page, name: str, child: str) -> None:
    """A click that meets the tree while it is drawn anew is lost; a person clicks again."""
    for _ in range(CLICKS):
        entry(page, name).locator(".directory-toggle").click()
        try:
            entry(page, child).first.wait_for(timeout=MILLISECONDS)
        except TimeoutError:
            continue
        return
    raise AssertionError(f"pgAdmin shows no {child} below {name}")
