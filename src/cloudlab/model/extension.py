"""What a platform's description adds to the environment besides services: settings, the token check, and seeding.

A platform adds a setting with a published port (`setting` and `default`) and with an entry in `settings`. It sets the
default of GATEWAY_JWT_… with `gateway.jwt`. `options` and `jwt_defaults` skip what is invalid; `problems` reports it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cloudlab.model import catalogue, placeholders

KEYS = ("services", "settings", "gateway", "seed")
SETTING_KEYS = ("type", "default", "choices", "description")
TYPES = {"str": str, "int": int, "bool": bool}
JWT_KEYS = ("service", "jwks_path", "issuer", "audiences")
SEED_KEYS = ("go", "env", "sizes")

# Two words at least: the process environment has variables of one word, which .env must not be mistaken for.
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
# Of Docker Compose, of Docker, and of generated secrets.
RESERVED_PREFIXES = ("compose_", "docker_", "secret_", "ansible_")


def options(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Setting -> type, default, choices and description, as in an argument spec. Ports come first."""
    found = {}
    for service, port in _ports(document):
        if "setting" in port and isinstance(port.get("default"), int):
            text = f"Port of the {service} service ({port.get('name')})."
            found[str(port["setting"])] = {"type": "int", "default": port["default"], "description": text}
    for name, option in _mapping(document, "settings").items():
        if not _setting_problems(name, option):
            found[name] = {"description": "", **option, "platform": True} | _text_of_flag(option)
    return found


def placeholder_names(document: Mapping[str, Any]) -> list[str]:
    """The settings that `{setting.<name>}` can name."""
    return list(_mapping(document, "settings"))


def jwt_defaults(document: Mapping[str, Any]) -> dict[str, str]:
    """The defaults of GATEWAY_JWT_… that the platform declares."""
    jwt = _mapping(_mapping(document, "gateway"), "jwt")
    return {
        f"gateway_jwt_{key}": ",".join(jwt[key]) if isinstance(jwt[key], list) else str(jwt[key])
        for key in JWT_KEYS
        if key in jwt
    }


def problems(document: Mapping[str, Any], taken: Collection[str]) -> list[str]:
    """Everything that is wrong with these keys; a message each. taken: names of variables of the environment."""
    found = catalogue.unknown([str(key) for key in document], KEYS, "key")
    found += _gateway_problems(document)
    for name, option in _mapping(document, "settings").items():
        found += [f"settings.{name}: {text}" for text in _setting_problems(name, option)]
    for service, port in _ports(document):
        found += [f"services.{service}.ports: {text}" for text in _port_problems(port)]
    found += [
        f"the setting {name} is a variable of the environment. Choose another name."
        for name in options(document)
        if name in taken
    ]
    found += list(_placeholder_problems(document))
    return found + list(_seed_problems(document))


def _text_of_flag(option: Mapping[str, Any]) -> dict[str, Any]:
    """A boolean is one of two words, which Docker Compose passes on as they are written."""
    if option["type"] != "bool":
        return {}
    return {"type": "str", "choices": ["true", "false"], "default": str(option["default"]).lower()}


def _setting_problems(name: str, option: Any) -> list[str]:
    found = _name_problems(name)
    if not isinstance(option, Mapping):
        return [*found, "expected a mapping with type, default and description."]
    found += catalogue.unknown([str(key) for key in option], SETTING_KEYS, "key")
    kind = option.get("type")
    if kind not in TYPES:
        return [*found, f"type: expected one of {', '.join(TYPES)}."]
    if type(option.get("default")) is not TYPES[kind]:
        found.append(f"default: {option.get('default')!r} is not of the type {kind}.")
    choices = option.get("choices", [option.get("default")])
    if not isinstance(choices, list) or option.get("default") not in choices:
        found.append("choices: expected a list that contains the default.")
    return found


def _name_problems(name: Any) -> list[str]:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return ["expected a name of at least two lower-case words, joined by underscores, such as shop_currency."]
    if name.startswith(RESERVED_PREFIXES):
        return [f"a name cannot begin with {name.partition('_')[0]}_. Choose another name."]
    return []


def _port_problems(port: Mapping[str, Any]) -> list[str]:
    if "setting" not in port:
        return ["default: belongs to a port with `setting`."] if "default" in port else []
    found = _name_problems(port["setting"])
    if not found and not port["setting"].endswith("_port"):
        found.append(f"setting: {port['setting']} must end with _port.")
    if "default" not in port:
        found.append(f"default must be set: the port of {port['setting']} if .env does not set it.")
    return found


def _gateway_problems(document: Mapping[str, Any]) -> list[str]:
    gateway = document.get("gateway", {})
    if not isinstance(gateway, Mapping) or not isinstance(gateway.get("jwt", {}), Mapping):
        return ["gateway: expected a mapping with the key jwt, which is a mapping."]
    found = [f"gateway: {text}" for text in catalogue.unknown([str(key) for key in gateway], ["jwt"], "key")]
    jwt = gateway.get("jwt", {})
    found += [f"gateway.jwt: {text}" for text in catalogue.unknown([str(key) for key in jwt], JWT_KEYS, "key")]
    services = [str(jwt["service"])] if "service" in jwt else []
    unknown = catalogue.unknown(services, _mapping(document, "services"), "service")
    return found + [f"gateway.jwt.service: {text}" for text in unknown]


def _placeholder_problems(document: Mapping[str, Any]) -> Iterator[str]:
    entries = {f"services.{name}": entry for name, entry in _mapping(document, "services").items()}
    for place, entry in {**entries, "seed": document.get("seed")}.items():
        texts = [*_mapping(entry, "env").values(), *_mapping(entry, "access").values()]
        for name in (name for text in texts for name, _ in placeholders.used(str(text))):
            owner, _, key = name.partition(".")
            if owner == "setting":
                unknown = catalogue.unknown([key], placeholder_names(document), "setting")
                yield from (f"{place}: {{{name}}}: {text}" for text in unknown)


def _seed_problems(document: Mapping[str, Any]) -> Iterator[str]:
    if "seed" not in document:
        return
    seed = document["seed"]
    if not isinstance(seed, Mapping) or not isinstance(seed.get("go"), Mapping):
        yield "seed: expected a mapping with `go`, the main package of the seeding."
        return
    yield from (f"seed: {text}" for text in catalogue.unknown([str(key) for key in seed], SEED_KEYS, "key"))
    sizes = seed.get("sizes")
    if not isinstance(sizes, Mapping) or not sizes:
        yield "seed.sizes: expected a mapping of at least one size."
        return
    for size, counts in sizes.items():
        values = counts.values() if isinstance(counts, Mapping) else [None]
        if any(type(count) is not int for count in values):
            yield f"seed.sizes.{size}: expected the number of objects by kind, such as {{users: 20}}."


def _ports(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, service in _mapping(document, "services").items():
        ports = service.get("ports") if isinstance(service, Mapping) else None
        for port in ports if isinstance(ports, list) else []:
            if isinstance(port, Mapping):
                yield str(name), port


def _mapping(value: Any, key: str) -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}
