"""The addresses of an instance, read from the description that its last run wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cloudlab.model import environment, settings

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = "environment.json"
GATEWAY = "gateway"
SERVICES = (
    "auth", "user", "product", "inventory", "order", "payment", "search", "content", "analytics", "notification",
)  # fmt: skip
# Stores that an order uses.
STORES = ("postgres", "redis", "kafka", "elasticsearch", "clickhouse")
MAIL = "mailpit"


class InstanceError(Exception):
    """The instance cannot be tested; the message says what to do."""


@dataclass(frozen=True)
class Instance:
    """One converged environment. `components`: name -> its entry in environment.json."""

    name: str
    components: Mapping[str, Mapping[str, Any]]

    @property
    def gateway(self) -> str:
        """host:port of the gateway."""
        return f"{environment.PUBLISH_ADDRESS}:{self.components[GATEWAY]['ports']['http']}"

    @property
    def administrator(self) -> tuple[str, str]:
        """Email and password of the platform's administrator."""
        entry = self.components["auth"]
        if not (entry.get("user") and entry.get("password")):
            raise InstanceError(
                f"{description_of(self.name)} has no login of the administrator. Converge the instance again: "
                "ansible-playbook playbooks/dev.yml"
            )
        return entry["user"], entry["password"]

    @property
    def mail(self) -> str:
        """URL of the mail catcher."""
        return self.components[MAIL]["url"]

    @property
    def database(self) -> str:
        """URL of PostgreSQL, as its administrator."""
        return self.components["postgres"]["url"]


def default_name(environ: Mapping[str, str]) -> str:
    """The instance that the process environment, `.env` or the defaults name. Raises settings.SettingsError."""
    chosen = settings.load(environ).get("cloudlab_instance")
    if chosen:
        return chosen
    defaults = yaml.safe_load((ROOT / "group_vars" / "all" / "instance.yml").read_text(encoding="utf-8"))
    return defaults["cloudlab_instance"]


def description_of(name: str) -> Path:
    """The description of the instance, written by its last run."""
    return environment.directory(ROOT, name) / DESCRIPTION


def read(name: str) -> Instance:
    """The instance `name`. Raises InstanceError if a component that an order uses is missing."""
    path = description_of(name)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InstanceError(
            f"{path} does not exist: the instance {name} was never started from this checkout. Start it with "
            "ansible-playbook playbooks/dev.yml, or choose another one with --instance."
        ) from None
    return parse(name, document)


def parse(name: str, document: Mapping[str, Any]) -> Instance:
    """The instance that the document describes. Raises InstanceError."""
    components = {entry["component"]: entry for entry in document["components"]}
    missing = [part for part in (GATEWAY, *SERVICES, *STORES, MAIL) if part not in components]
    if missing:
        raise InstanceError(_incomplete(name, missing, document.get("unavailable", {})))
    return Instance(name, components)


def _incomplete(name: str, missing: Iterable[str], unavailable: Mapping[str, str]) -> str:
    reasons = [f"  {part}: {unavailable[part]}" for part in missing if part in unavailable]
    lines = [
        f"{description_of(name)} lacks components that an order uses; missing: {', '.join(missing)}.",
        *reasons,
        "After a run with --tags it has only those components; ansible-playbook playbooks/describe.yml regenerates it.",
        "The test needs the complete reference platform: the default PLATFORM_SRC, in a profile with all services.",
    ]
    return "\n".join(lines)
