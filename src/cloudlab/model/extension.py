"""What a platform's description adds to the environment besides services: settings, and defaults of the token check.

A platform adds a setting with a published port (`setting` and `default`) and with an entry in `settings`. It sets the
defaults of GATEWAY_JWT_… with `gateway.jwt`.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from cloudlab.model import declarations, placeholders
from cloudlab.model.problems import unknown

JWT_KEYS = tuple(field.name for field in msgspec.structs.fields(declarations.Tokens))


def options(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Setting -> type, default, choices and description, as in an argument spec. Ports come first."""
    found = {}
    for name, service in document["services"].items():
        for port in service.get("ports", []):
            if "setting" in port:
                text = f"Port of the {name} service ({port['name']})."
                found[port["setting"]] = {"type": "int", "default": port["default"], "description": text}
    for name, option in document.get("settings", {}).items():
        found[name] = {"description": "", **option, "platform": True} | _text_of_flag(option)
    return found


def jwt_defaults(document: Mapping[str, Any]) -> dict[str, str]:
    """The defaults of GATEWAY_JWT_… that the platform declares."""
    jwt = document.get("gateway", {}).get("jwt", {})
    return {f"gateway_jwt_{key}": ",".join(value) if isinstance(value, list) else value for key, value in jwt.items()}


def problems(document: Mapping[str, Any], taken: Collection[str]) -> Iterator[str]:
    """The conflicts of a valid description; a message each. taken: names of variables of the environment."""
    yield from (
        f"the setting {name} is a variable of the environment. Choose another name."
        for name in options(document)
        if name in taken
    )
    service = document.get("gateway", {}).get("jwt", {}).get("service", "")
    yield from (
        f"gateway.jwt.service: {text}"
        for text in unknown([service] if service else [], document["services"], "service")
    )
    entries = {f"services.{name}": entry for name, entry in document["services"].items()}
    for place, entry in {**entries, "seed": document.get("seed", {})}.items():
        for text in [*entry.get("env", {}).values(), *entry.get("access", {}).values()]:
            for name, _ in placeholders.used(str(text)):
                owner, _, key = name.partition(".")
                if owner == "setting":
                    yield from (
                        f"{place}: {{{name}}}: {text}"
                        for text in unknown([key], document.get("settings", {}), "setting")
                    )


def _text_of_flag(option: Mapping[str, Any]) -> dict[str, Any]:
    """A boolean is one of two words, which Docker Compose passes on unchanged."""
    if option["type"] != "bool":
        return {}
    return {"type": "str", "choices": ["true", "false"], "default": str(option["default"]).lower()}
