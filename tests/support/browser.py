"""Pages as a person's browser shows them: Chromium without a window."""

import shutil
import subprocess
from pathlib import Path

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
# What scripts of the page wait for is brought forward; the page is taken when that much of its time has passed.
BUDGET_MILLISECONDS = 15000
SECONDS = 120


def text(url: str, profile: Path) -> str:
    """The document at `url` once its scripts have run; `profile` is an empty folder for the browser's own files."""
    return _run(url, profile, "--dump-dom")


def _run(url: str, profile: Path, *options: str) -> str:
    assert PROGRAM, "no chromium on this machine; tests/support/fetch_tools.sh installs it on Debian"
    done = subprocess.run(
        [
            PROGRAM,
            "--headless",
            # It refuses to run as root otherwise; the pages are our own.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={profile}",
            "--window-size=1400,1000",
            f"--virtual-time-budget={BUDGET_MILLISECONDS}",
            *options,
            url,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return done.stdout
