"""Chromium without a window, driven as a person would: open a page, look, press, take a picture.

It is talked to over two pipes in the words of the Chrome DevTools Protocol: no port, and no package for it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
SECONDS = 30
POLL_SECONDS = 0.2
DESKTOP, PHONE = (1400, 1000), (390, 844)
# Where it reads commands and writes answers: Chromium's own numbers.
COMMANDS, ANSWERS = 3, 4
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server", "--hide-scrollbars",
    "--no-first-run", "--remote-debugging-pipe",
)  # fmt: skip


class BrowserError(Exception):
    """The browser, or the script in the page, says that something went wrong."""


class Browser:
    """One page of a browser."""

    def __init__(self, commands: int, answers: int):
        self._commands, self._answers = commands, answers
        self._received = b""
        self._number = 0
        self._session = ""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Page.enable")

    def look(self, size: tuple[int, int] = DESKTOP, *, dark: bool = False, scale: float = 1) -> None:
        """Choose the size of the window, and whether its owner likes it dark."""
        width, height = size
        mobile = size == PHONE
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str) -> None:
        """Go to a page. What it shows comes later: wait for it."""
        if failure := self._ask("Page.navigate", url=address).get("errorText"):
            raise BrowserError(f"{address}: {failure}")

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, awaited."""
        answer = self._ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def text(self) -> str:
        """What stands on the page."""
        return self.evaluate("document.body?.innerText ?? ''")

    def wait(self, script: str, seconds: float = SECONDS) -> Any:
        """The value of an expression in the page as soon as it is true; fails, showing the page, when it never is."""
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            assert time.monotonic() < deadline, f"not within {seconds} s: {script}\n{self.text()}"
            time.sleep(POLL_SECONDS)
        return value

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save what is to be seen as PNG; the whole page, or what fits the window."""
        area = {}
        if whole:
            size = self._ask("Page.getLayoutMetrics")["cssContentSize"]
            area = {"clip": {**size, "scale": 1}, "captureBeyondViewport": True}
        answer = self._ask("Page.captureScreenshot", **area)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command; what the browser tells of its own accord is passed over."""
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            request["sessionId"] = self._session
        os.write(self._commands, json.dumps(request).encode() + b"\0")
        while True:
            answer = json.loads(self._receive())
            if answer.get("id") == self._number:
                break
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _receive(self) -> bytes:
        while b"\0" not in self._received:
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                raise BrowserError("the browser has ended")
            self._received += chunk
        message, _, self._received = self._received.partition(b"\0")
        return message


@contextlib.contextmanager
def started() -> Iterator[Browser]:
    """A browser that nobody has used before; it ends with the block."""
    if not PROGRAM:
        raise BrowserError("there is no Chromium on this machine")
    (its_commands, commands), (answers, its_answers) = os.pipe(), os.pipe()
    # Out of the way of the numbers that they get in the browser.
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, ANSWERS + 1) for end in (its_commands, its_answers)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # The shell gives the pipes the numbers that Chromium expects.
        wiring = f'exec "$@" {COMMANDS}<&{theirs[0]} {ANSWERS}>&{theirs[1]}'
        process = subprocess.Popen(
            ["bash", "-c", wiring, "bash", PROGRAM, *OPTIONS, f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=theirs,
        )  # fmt: skip
        for end in (its_commands, its_answers, *theirs):
            os.close(end)
        try:
            yield Browser(commands, answers)
        finally:
            process.terminate()
            process.wait(timeout=SECONDS)
            os.close(commands)
            os.close(answers)
