"""Pictures of the pages of a running environment, for the documents: the program behind scripts/screenshots.sh."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import browser
from communication import instance
from playwright.sync_api import Error, Page

from cloudlab.cli.arguments import Parser
from cloudlab.lifecycle import report
from cloudlab.model import settings

OVERVIEW = "dashboard"
DESKTOP, PHONE = (1280, 860), (390, 844)
# Whose address is a page to look at. What shows logs, metrics and traces is pictured by its view of a component.
KINDS = ("tool",)
# Whose logs, metrics and traces are the most telling, where it runs.
SUBJECTS = ("order", "gateway")
STILL_MILLISECONDS = 1000


class ScreenshotsError(Exception):
    """There is nothing to take a picture of; the message says what to do."""


@dataclass(frozen=True)
class Picture:
    """A page, and how it is looked at."""

    name: str
    address: str
    size: tuple[int, int] = DESKTOP
    scheme: str = "light"


def pictures(page: Mapping[str, Any]) -> Iterator[Picture]:
    """What there is to see in the environment that `page` describes (environment.json)."""
    rows = {row["component"]: row for row in page["components"] if row["state"] != report.ABSENT}
    for name, row in rows.items():
        if row["kind"] in KINDS and row["url"].startswith("http"):
            yield Picture(name, row["url"])
    if OVERVIEW in rows:
        yield Picture(f"{OVERVIEW}-dark", rows[OVERVIEW]["url"], scheme="dark")
        yield Picture(f"{OVERVIEW}-phone", rows[OVERVIEW]["url"], PHONE)
    candidates = [rows[name] for name in SUBJECTS if name in rows] + list(rows.values())
    views: dict[str, str] = {}
    for row in candidates:
        views = {**row["views"], **views}
    for what, address in views.items():
        yield Picture(what, address)


def take(page: Page, picture: Picture, folder: Path) -> Path:
    """Take one picture; return its file."""
    width, height = picture.size
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=picture.scheme)
    page.goto(picture.address, wait_until="networkidle")
    file = folder / f"{picture.name}.png"
    file.write_bytes(_still(page))
    return file


def _still(page: Page) -> bytes:
    """What is to be seen as soon as nothing moves any more: what turns round tells that something is still to come."""
    deadline, before = time.monotonic() + browser.SECONDS, b""
    while (shown := page.screenshot()) != before:
        if time.monotonic() > deadline:
            raise ScreenshotsError(f"{page.url} does not come to rest within {browser.SECONDS} s.")
        before = shown
        page.wait_for_timeout(STILL_MILLISECONDS)
    return shown


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """The page of the instance that the settings name. Raises ScreenshotsError."""
    name = instance.default_name(environ)
    file = instance.description_of(name)
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScreenshotsError(
            f"{file} does not exist. Bring the instance {name} up with ansible-playbook playbooks/dev.yml."
        ) from None


def main(given: list[str]) -> int:
    """Run the program."""
    parser = Parser(
        prog="./scripts/screenshots.sh",
        description="Takes pictures of the pages of the running environment, with Chromium: the page that shows it all "
        "(light, dark, and as on a phone), the tools, and the logs, metrics and traces of a component.",
    )
    parser.add_argument("folder", nargs="?", type=Path, default=settings.ROOT / "docs" / "images", help="where they go")
    folder = parser.parse_args(given).folder
    try:
        wanted = list(pictures(read(os.environ)))
        folder.mkdir(parents=True, exist_ok=True)
        with browser.page() as page:
            for picture in wanted:
                print(take(page, picture, folder))
    except (ScreenshotsError, settings.SettingsError, Error) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
