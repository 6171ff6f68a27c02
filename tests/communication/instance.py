"""Where an instance answers: what its last converge wrote down for programs."""

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
# What an order passes besides the services.
STORES = ("postgres", "redis", "kafka", "elasticsearch", "clickhouse")
MAIL = "mailpit"


class InstanceError(Exception):
    """The instance cannot be proven as it is; the message says what to do."""


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
                f"{page_of(self.name)} holds no login of the administrator. Converge the instance anew: "
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


def page_of(name: str) -> Path:
    """The file in which the instance's last converge wrote down what runs."""
    return environment.directory(ROOT, name) / PAGE


def read(name: str) -> Instance:
    """The instance `name`, with everything that an order passes. Raises InstanceError."""
    page = page_of(name)
    try:
        document = json.loads(page.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InstanceError(
            f"{page} does not exist: no instance {name} was ever brought up from here. Bring it up with "
            "ansible-playbook playbooks/dev.yml, or name another one with --instance."
        ) from None
    return parse(name, document)


def parse(name: str, document: Mapping[str, Any]) -> Instance:
    """The instance that the document of its converge describes. Raises InstanceError."""
    components = {entry["component"]: entry for entry in document["components"]}
    missing = [part for part in (GATEWAY, *SERVICES, *STORES, MAIL) if part not in components]
    if missing:
        raise InstanceError(_incomplete(name, missing, document.get("unavailable", {})))
    return Instance(name, components)


def _incomplete(name: str, missing: Iterable[str], unavailable: Mapping[str, str]) -> str:
    reasons = [f"  {part}: {unavailable[part]}" for part in missing if part in unavailable]
    lines = [
        f"{page_of(name)} does not name everything that an order passes; missing: {', '.join(missing)}.",
        *reasons,
        "A converge with --tags names that part alone; ansible-playbook playbooks/describe.yml writes it anew.",
        "What is proven is the reference platform: the default PLATFORM_SRC, in a profile with all of it.",
    ]
    return "\n".join(lines)
