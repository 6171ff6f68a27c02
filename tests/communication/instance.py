"""The addresses and credentials of an instance, from the report of its last converge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cloudlab.model import environment, settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = "environment.json"
GATEWAY = "gateway"
SERVICES = (
    "auth", "user", "product", "inventory", "order", "payment", "search", "content", "analytics", "notification",
)  # fmt: skip
# Stores that an order requires.
STORES = ("postgres", "redis", "kafka", "elasticsearch", "clickhouse")


class InstanceError(Exception):
    """The instance cannot be tested; the message has the fix."""


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
                f"{page_of(self.name)} has no login of the administrator. Converge the instance again: "
                "ansible-playbook playbooks/dev.yml"
            )
        return entry["user"], entry["password"]

    @property
    def database(self) -> str:
        """URL of PostgreSQL, as its administrator."""
        return self.components["postgres"]["url"]


def default_name(environ: Mapping[str, str]) -> str:
    """The instance in the process environment, `.env` or the defaults. Raises settings.SettingsError."""
    chosen = settings.load(environ).get("cloudlab_instance")
    if chosen:
        return chosen
    defaults = yaml.safe_load((ROOT / "group_vars" / "all" / "instance.yml").read_text(encoding="utf-8"))
    return defaults["cloudlab_instance"]


def page_of(name: str) -> Path:
    """The report of the instance's last converge."""
    return environment.directory(ROOT, name) / PAGE


def read(name: str) -> Instance:
    """The instance `name`, with all components that an order requires. Raises InstanceError."""
    page = page_of(name)
    try:
        document = json.loads(page.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InstanceError(
            f"{page} does not exist: the instance {name} was never started from this checkout. Start it with "
            "ansible-playbook playbooks/dev.yml, or select another one with --instance."
        ) from None
    return parse(name, document)


def parse(name: str, document: Mapping[str, Any]) -> Instance:
    """The instance in the report. Raises InstanceError."""
    components = {entry["component"]: entry for entry in document["components"]}
    missing = [part for part in (GATEWAY, *SERVICES, *STORES) if part not in components]
    if missing:
        raise InstanceError(_incomplete(name, missing, document.get("unavailable", {})))
    return Instance(name, components)


def _incomplete(name: str, missing: Iterable[str], unavailable: Mapping[str, str]) -> str:
    reasons = [f"  {part}: {unavailable[part]}" for part in missing if part in unavailable]
    lines = [
        f"{page_of(name)} does not list all components that an order requires; missing: {', '.join(missing)}.",
        *reasons,
        "A converge with --tags reports its components only. For all, run ansible-playbook playbooks/describe.yml.",
        "The test requires the reference platform (the default PLATFORM_SRC), in a profile with all of its services.",
    ]
    return "\n".join(lines)
