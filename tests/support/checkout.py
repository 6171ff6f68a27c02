"""A checkout of the reference platform whose handlers can be edited, and the responses that show the edits."""

import re
import shutil
import sys
from pathlib import Path

import requests
from lab import ROOT, Lab, wait_until

SECONDS = 5
# The lines to edit: a handler of one service, and one that all services share.
SERVICE = (Path("services/auth/oauth.go"), '"issuer": issuer,')
SHARED = (Path("internal/app/health.go"), '"status": "ok",')
EDIT = re.compile(r' "edit": "[^"]*",')


def make(folder: Path) -> None:
    """Copy files/platform to `folder`, in the place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "files" / "platform", folder)


def edit(checkout: Path, place: tuple[Path, str], text: str) -> None:
    """Change the response of the handler to `edit: text`."""
    name, line = place
    file = checkout / name
    source = EDIT.sub("", file.read_text(encoding="utf-8"))
    assert line in source, f"{file} no longer has the line {line}"
    file.write_text(source.replace(line, f'{line} "edit": "{text}",', 1), encoding="utf-8")


def service_edit(lab: Lab) -> str:
    """The response of auth's edited handler through the gateway; empty if there is none."""
    return _edit_of(f"http://127.0.0.1:{lab.port('gateway', 'http')}/.well-known/oauth-authorization-server")


def shared_edits(lab: Lab) -> set[str]:
    """The responses of the shared handler of all services, each at its own port."""
    return {_edit_of(f"http://127.0.0.1:{lab.port(name, 'http')}/livez") for name in services(lab)}


def services(lab: Lab) -> list[str]:
    """Names of the platform's services."""
    return [name for name, entry in lab.values["catalogue"].items() if entry["kind"] == "service"]


def wait_for_service(lab: Lab, text: str, seconds: float = 60) -> None:
    """Wait until auth responds with `text`."""
    wait_until(lambda: service_edit(lab) == text, f"auth answers {text!r}", seconds)


def wait_for_all(lab: Lab, text: str, seconds: float = 120) -> None:
    """Wait until all services respond with `text`."""
    wait_until(lambda: shared_edits(lab) == {text}, f"all services answer {text!r}", seconds)


def _edit_of(url: str) -> str:
    try:
        answer = requests.get(url, timeout=SECONDS)
        return answer.json().get("edit", "") if answer.ok else ""
    except requests.RequestException:
        return ""


if __name__ == "__main__":
    make(Path(sys.argv[1]))
