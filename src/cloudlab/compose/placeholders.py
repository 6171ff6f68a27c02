"""Values that stand for what `.env` will say, and what becomes of them in the exported files.

The roles are evaluated with a value for each setting that is found again in whatever they make of it, and is then
replaced by Compose's `${NAME:-default}`. They are evaluated a second time with other values, passwords among them that
no syntax takes as they are. Where a setting was calculated with or escaped, the two results differ afterwards: Compose
can do neither, so that is an error and never a file that is wrong for some value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cloudlab.images import references
from cloudlab.model import settings
from cloudlab.model.problems import ProblemsError

# What is decided when the files are written, and why Compose cannot decide it later.
FIXED = (
    "cloudlab_profile",  # it says how large everything is; Compose chooses with COMPOSE_PROFILES
    "port_offset",  # Compose cannot add
    "elasticsearch_security_enabled",  # it decides which files there are
    "hot_reload_enabled",  # docker-compose.yml runs built images, docker-compose.override.yml hot reload
    "hot_reload_polling",  # it is one word in a file of settings
    "platform_src",  # the services come from its description
    "platform_catalogue",  # the services come from it
    "gateway_jwt_service",  # the gateway's routes follow from it
    "gateway_jwt_audiences",  # it is a list
    "gateway_cors_origins",  # it is a list of patterns
    "image_source",  # Compose pulls from registries
    "image_pull_timeout",  # Compose has none
)

# The folder of an instance that exists nowhere; what would be written there becomes configurations and volumes.
DIRECTORY = "/qqd_instanceqq"
# What a generated secret is when `.env` says nothing: a development credential, as all the others.
_SECRET = "development"  # noqa: S105 - meant to be known
# Kibana and CH-UI refuse a key of less than 32 characters, Portainer a password of less than 12.
_LONG = ("kibana_key", "clickhouse_ui_key", "portainer_admin")
# Of the user's own environment: taken from there, and empty where it is not set.
DEFAULTS = {
    "DOCKER_DATA_ROOT": "/var/lib/docker",
    "DOCKER_GROUP": "0",
    "GOTOOLCHAIN": "auto",
    "SSL_CERT_FILE": "/dev/null",
}

_HOSTILE = "\"'\\#$%&<>,; `"
# The first one and the distance: what is added to a port meets no other one in both readings.
_PORTS = {False: (20011, 101), True: (40009, 103)}
_NUMBERS = {False: 37, True: 73}
_NAMED = re.compile(r"/?qq(?P<kind>[kem])_(?P<name>[A-Za-z0-9._:/-]+?)qq")


class PlaceholderError(ProblemsError):
    """A setting ended up where Compose cannot put it; `problems` holds one message each."""


def values(options: settings.Options, hostile: bool) -> dict[str, Any]:
    """Setting -> the value that stands for it."""
    chosen: dict[str, Any] = {}
    for place, name in enumerate(name for name in options if name not in FIXED):
        first, distance = _PORTS[hostile]
        if options[name]["type"] == "int":
            chosen[name] = _NUMBERS[hostile] if name in settings.RANGES else first + distance * place
        elif name in settings.AMOUNTS:
            # Odd, so that it is written in this unit again.
            chosen[name] = f"{2 * (first + distance * place) + 1}m"
        else:
            chosen[name] = f"qqh_{name}qq{_tail(name, options[name])}" if hostile else f"qqs_{name}qq"
    return chosen


def _tail(name: str, option: Mapping[str, Any]) -> str:
    """What the setting may contain that a syntax could give a meaning to."""
    if name.endswith("_password"):
        return _HOSTILE
    is_free = name.startswith("gateway_") or ("platform" in option and "choices" not in option)
    return "," if is_free else ""


def secret(name: str) -> str:
    """What stands for a secret that Ansible would generate."""
    return f"qqk_{name}qq"


def secret_key(name: str) -> str:
    """The key in `.env` of a generated secret."""
    return "SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def default_secret(name: str) -> str:
    """What a generated secret is when `.env` says nothing."""
    return _SECRET * 3 if name in _LONG else _SECRET


def told_secret(name: str, told: Mapping[str, str]) -> str:
    """The secret of an environment that Docker Compose brought up. told: what Compose reads of `.env`."""
    return told.get(secret_key(name), default_secret(name))


def variable(name: str) -> str:
    """What stands for a variable of the user's environment."""
    return f"qqe_{name}qq"


def path(name: str) -> str:
    """What stands for an absolute path that a variable of the user's environment names."""
    return f"/{variable(name)}"


def image(entry: Mapping[str, Any]) -> str:
    """What stands for the name of a pinned image, in which `.env` may replace the registry's host."""
    host, _ = references.split_host(entry["repository"])
    return references.registry_reference(entry, f"qqm_{host}qq")


class Expressions:
    """What becomes of the placeholders of one evaluation. defaults: setting -> default, instead of its option's."""

    def __init__(self, options: settings.Options, hostile: bool, defaults: Mapping[str, Any] | None = None):
        effective = {name: option["default"] for name, option in options.items()} | dict(defaults or {})
        self._of = {str(value): _expression(name, effective[name]) for name, value in values(options, hostile).items()}
        words = sorted((value for value in self._of if not value.isdigit()), key=len, reverse=True)
        numbers = [value for value in self._of if value.isdigit()]
        self._words = re.compile("|".join(map(re.escape, words)))
        self._numbers = re.compile(rf"(?<![\w.])(?:{'|'.join(numbers)})(?!\d)")

    def apply(self, text: str) -> str:
        """The text as Compose reads it: placeholders as expressions, every other dollar sign as itself."""
        # A hostile value ends in what would be escaped: the places are found first.
        parts, end = [], 0
        for match in self._words.finditer(text):
            parts += [self._rest(text[end : match.start()]), self._of[match[0]]]
            end = match.end()
        return "".join([*parts, self._rest(text[end:])])

    def _rest(self, text: str) -> str:
        text = self._numbers.sub(lambda match: self._of[match[0]], text.replace("$", "$$"))
        return _NAMED.sub(_named, text)


def _named(match: re.Match[str]) -> str:
    name = match["name"]
    if match["kind"] == "k":
        return f"${{{secret_key(name)}:-{default_secret(name)}}}"
    if match["kind"] == "m":
        return f"${{REGISTRY_MIRROR:-{name}}}"
    return f"${{{name}:-{DEFAULTS.get(name, '')}}}"


def _expression(name: str, default: Any) -> str:
    if re.search(r"[$}]", str(default)):
        raise PlaceholderError([f"{name.upper()}: its default {default!r} cannot stand in a compose file."])
    return f"${{{name.upper()}:-{default}}}"


def compare(plain: Any, hostile: Any, place: str = "") -> list[str]:
    """Where two evaluations differ after their placeholders were replaced; a message each."""
    if isinstance(plain, Mapping) and isinstance(hostile, Mapping):
        return [
            problem
            for key in sorted({*plain, *hostile})
            for problem in compare(plain.get(key), hostile.get(key), f"{place}.{key}".lstrip("."))
        ]
    if isinstance(plain, list) and isinstance(hostile, list) and len(plain) == len(hostile):
        pairs = enumerate(zip(plain, hostile, strict=True))
        return [problem for at, pair in pairs for problem in compare(*pair, f"{place}[{at}]")]
    if plain == hostile and not _traces(plain):
        return []
    found = sorted({*_traces(plain), *_traces(hostile)})
    if not found:
        return [f"{place}: it is calculated from a number of `.env`, which Compose cannot do."]
    return [f"{place}: {name.upper()} is escaped or calculated with there, which Compose cannot do." for name in found]


def _traces(value: Any) -> list[str]:
    """Settings whose placeholders are still in a value."""
    return re.findall(r"qq[shkem]_([a-z0-9_]+?)qq", str(value))
