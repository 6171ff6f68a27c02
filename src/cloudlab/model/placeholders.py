"""Placeholders in the environment of services: `{postgres.host}`, and `{postgres.password:url}` escaped for URLs.

A placeholder is a pair of braces around two lower-case words joined by a dot, or around `log_level`. All other braces
are literal, so a value can be JSON.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from cloudlab.model import catalogue

_PLACEHOLDER = re.compile(r"\{((?:[a-z][a-z0-9_-]*\.[a-z][a-z0-9_-]*)|log_level)(:[a-z0-9]+)?\}")

SERVICE_KEYS = ("host", "port", "grpc")
SELF_KEYS = ("name", "host", "port", "grpc", "schema", "database")
# Keys whose values are secret.
SECRET_KEYS = ("password",)
LOG_LEVEL = "log_level"


def used(text: str) -> list[tuple[str, str]]:
    """(placeholder, escape) of each placeholder in the text, for example ("postgres.host", "url")."""
    return [(match[1], (match[2] or "").removeprefix(":")) for match in _PLACEHOLDER.finditer(text)]


def fill(text: str, value_of: Callable[[str], str]) -> str:
    """The text with every placeholder replaced by the value that `value_of` returns for it."""

    def replace(match: re.Match[str]) -> str:
        value = value_of(match[1])
        return quote(value, safe="") if match[2] else value

    return _PLACEHOLDER.sub(replace, text)


def is_secret(text: str) -> bool:
    """Whether a value contains a secret."""
    return any(name.startswith("secret.") or name.endswith(SECRET_KEYS) for name, _ in used(text))


def problems(
    text: str,
    name: str,
    service: Mapping[str, Any],
    everybody: catalogue.Catalogue,
    excluded: catalogue.Exclusions = catalogue.NOTHING_EXCLUDED,
) -> list[str]:
    """The problems with the placeholders in a value of the service `name`; a message each.

    :param everybody: all components by name, services as their platform describes them.
    :param excluded: see cloudlab.model.conditions.Effective.
    """
    found = []
    for placeholder, escape in used(text):
        if escape not in ("", "url"):
            found.append(f"{{{placeholder}:{escape}}}: unknown escape {escape}. Only :url is known.")
        owner, _, key = placeholder.partition(".")
        # Settings are checked with the whole description: see cloudlab.model.extension.
        if owner not in (LOG_LEVEL, "secret", "setting"):
            found += [f"{{{placeholder}}}: {text}" for text in _unknown(owner, key, name, service, everybody, excluded)]
    return found


def _unknown(
    owner: str,
    key: str,
    name: str,
    service: Mapping[str, Any],
    everybody: catalogue.Catalogue,
    excluded: catalogue.Exclusions,
) -> Iterable[str]:
    """Why a placeholder has no value."""
    if owner == "self":
        if missing := catalogue.unknown([key], SELF_KEYS, "value"):
            return missing
        return _undeclared(key, "this service", service)
    providers = {other: entry for other, entry in everybody.items() if "values" in entry}
    if owner in providers:
        own = providers[owner].get("account_values", [])
        if missing := catalogue.unknown([key], [*providers[owner]["values"], *own], "value"):
            return missing
        if owner not in service.get("needs", []):
            return [f"{name} does not need {owner}. Add it to `needs`."]
        if key in own:
            return _undeclared("schema" if key == "schema" else "user", "this service", service)
        return []
    services = [other for other, entry in everybody.items() if "go" in entry]
    valid = [*providers, *services, "self", "secret", "setting"]
    left_out = {other: reason for other, reason in excluded.items() if "values" in reason["entry"]}
    if missing := catalogue.missing([owner], valid, left_out, "the value"):
        return missing
    if missing := catalogue.unknown([key], SERVICE_KEYS, "value"):
        return missing
    return _undeclared(key, owner, everybody[owner])


def _undeclared(key: str, whose: str, service: Mapping[str, Any]) -> list[str]:
    """A message if the service does not declare what the key refers to."""
    declared = {
        "port": bool(service.get("ports")),
        "grpc": "grpc" in service,
        "schema": bool(service.get("schema")),
        "user": bool(service.get("schema") or service.get("database")),
        "database": bool(service.get("schema") or service.get("database")),
    }
    if declared.get(key, True):
        return []
    cure = {"port": "`ports`", "grpc": "`grpc`", "schema": "`schema: true`"}.get(key, "`schema: true` or `database`")
    return [f"{whose} has none. Declare {cure} there."]
