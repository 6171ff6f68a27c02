"""`.env.example`: every setting with its default, as `.env` begins. Pure functions."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from cloudlab.compose import placeholders
from cloudlab.model import catalogue

HEADER = """\
# Settings of this checkout. scripts/setup.sh copies this file to .env; the playbooks and Docker Compose both read that.
# A value with $, #, quotes or spaces goes in single quotes: POSTGRES_PASSWORD='p$ss w#rd'
# What each setting means stands beside its default in group_vars/all/. An unknown key is an error.
# Written by playbooks/export.yml.
"""
# The files of group_vars/all, and what their settings are about.
SUBJECTS = {
    "credentials": "Database Configuration",
    "ports": "Ports on 127.0.0.1",
    "platform": "Development Settings",
    "instance": "Name of this environment; a second checkout takes another name and other ports",
    "images": "Images",
}
FIXED = "For the playbooks alone: Docker Compose has what they said when its files were written"
COMPOSE = "For Docker Compose alone: what to bring up besides the base; empty for nothing"
GROUP = "For Docker Compose alone: whose the engine's socket is, which the page reads: stat -c %g /var/run/docker.sock"
ENGINE = "On Docker Engine 25 or newer, health checks that ask often at the start and seldom afterwards"
SECRETS = "What the playbooks generate: letters and digits"


@functools.cache
def defaults() -> dict[str, Any]:
    """Setting -> its default."""
    return {name: value for subject in SUBJECTS for name, value in catalogue.committed(subject).items()}


def text(document: Mapping[str, Any], profile: str, files: list[str]) -> str:
    """The file for an exported document. files: those that Compose reads on a newer engine."""
    groups = [
        (title, [_line(name, value) for name, value in catalogue.committed(subject).items() if name not in fixed])
        for fixed in [placeholders.FIXED]
        for subject, title in SUBJECTS.items()
    ]
    groups += [
        (FIXED, [_line(name, value) for name, value in defaults().items() if name in placeholders.FIXED]),
        (COMPOSE, [f"COMPOSE_PROFILES={profile}"]),
        (GROUP, [f"DOCKER_GROUP={placeholders.DEFAULTS['DOCKER_GROUP']}"]),
        (ENGINE, [f"# COMPOSE_FILE={':'.join(files)}"]),
        (SECRETS, [f"# {key}={default}" for key, default in _secrets(document)]),
    ]
    return HEADER + "".join(f"\n# {title}\n" + "".join(f"{line}\n" for line in lines) for title, lines in groups)


def _line(name: str, value: Any) -> str:
    return f"{name.upper()}={str(value).lower() if isinstance(value, bool) else value}"


def _secrets(document: Any) -> list[tuple[str, str]]:
    """(key, default) of each."""
    return sorted(set(re.findall(r"\$\{(SECRET_[A-Z0-9_]+):-(\w+)\}", str(document))))
