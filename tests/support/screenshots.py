"""Takes screenshots of the web pages of a running environment for the documents: scripts/screenshots.sh."""

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
# Kinds of components with a page. Logs, metrics and traces are shown by a view of a component.
KINDS = ("tool",)
# Components for views, the preferred one first.
SUBJECTS = ("order", "gateway")
STILL_MILLISECONDS = 1000


class ScreenshotsError(Exception):
    """A screenshot cannot be taken; the message has the fix."""


@dataclass(frozen=True)
class Screenshot:
    """A page, and the settings of the browser."""

    name: str
    address: str
    size: tuple[int, int] = DESKTOP
    scheme: str = "light"


def screenshots(page: Mapping[str, Any]) -> Iterator[Screenshot]:
    """The screenshots of the environment in `page` (environment.json)."""
    rows = {row["component"]: row for row in page["components"] if row["state"] != report.ABSENT}
    for name, row in rows.items():
        if row["kind"] in KINDS and row["url"].startswith("http"):
            yield Screenshot(name, row["url"])
    if OVERVIEW in rows:
        yield Screenshot(f"{OVERVIEW}-dark", rows[OVERVIEW]["url"], scheme="dark")
        yield Screenshot(f"{OVERVIEW}-phone", rows[OVERVIEW]["url"], PHONE)
    candidates = [rows[name] for name in SUBJECTS if name in rows] + list(rows.values())
    views: dict[str, str] = {}
    for row in candidates:
        views = {**row["views"], **views}
    for what, address in views.items():
        yield Screenshot(what, address)


def take(page: Page, screenshot: Screenshot, folder: Path) -> Path:
    """Take a screenshot; return its file."""
    width, height = screenshot.size
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=screenshot.scheme)
    page.goto(screenshot.address, wait_until="networkidle")
    file = folder / f"{screenshot.name}.png"
    file.write_bytes(_still(page))
    return file


def _still(page: Page) -> bytes:
    """A screenshot without changes for a while, because animations indicate that the page is loading."""
    deadline, before = time.monotonic() + browser.SECONDS, b""
    while (shown := page.screenshot()) != before:
        if time.monotonic() > deadline:
            raise ScreenshotsError(f"{page.url} is still changing after {browser.SECONDS} s.")
        before = shown
        page.wait_for_timeout(STILL_MILLISECONDS)
    return shown


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """The report of the instance in the settings. Raises ScreenshotsError."""
    name = instance.default_name(environ)
    file = instance.description_of(name)
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScreenshotsError(
            f"{file} does not exist. Start the instance {name}: ansible-playbook playbooks/dev.yml"
        ) from None


def main(given: list[str]) -> int:
    """Run the program."""
    parser = Parser(
        prog="./scripts/screenshots.sh",
        description="Takes screenshots of the running environment with Chromium: the dashboard (light, dark, phone), "
        "the web tools, and the logs, metrics and traces of a component.",
    )
    default = settings.ROOT / "docs" / "images"
    parser.add_argument("folder", nargs="?", type=Path, default=default, help="directory of the screenshots")
    folder = parser.parse_args(given).folder
    try:
        found = list(screenshots(read(os.environ)))
        folder.mkdir(parents=True, exist_ok=True)
        with browser.page() as page:
            for screenshot in found:
                print(take(page, screenshot, folder))
    except (ScreenshotsError, settings.SettingsError, Error) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
