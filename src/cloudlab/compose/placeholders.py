"""Placeholder values of settings, and the expressions that replace them in the exported files.

The roles are evaluated with a unique value for each setting, which is then replaced by `${NAME:-default}` wherever it
appears. They are evaluated a second time with different values, including passwords that need escaping in every syntax.
If a setting is escaped or used in a calculation, the two results differ. Compose supports neither, so that is an error.
"""

import re
from collections.abc import Mapping
from typing import Any

from cloudlab.images import references
from cloudlab.model import settings
from cloudlab.model.problems import ProblemsError

# Settings whose value is fixed at the time of the export, and why.
FIXED = (
    "cloudlab_profile",  # selects the sizes; Compose selects services with COMPOSE_PROFILES
    "port_offset",  # Compose cannot add
    "kafka_mode",  # determines the services
    "elasticsearch_security_enabled",  # determines the set of files
    "hot_reload_enabled",  # docker-compose.yml runs built images, docker-compose.override.yml hot reload
    "hot_reload_polling",  # part of a configuration file
    "platform_src",  # its description defines the services
    "platform_catalogue",  # defines the services
    "gateway_jwt_service",  # determines the gateway's routes
    "gateway_jwt_audiences",  # a list
    "gateway_cors_origins",  # a list of patterns
    "image_source",  # Compose pulls from registries
    "image_pull_timeout",  # Compose has no timeout
)

# The directory of the instance. Files in it become configurations and volumes.
DIRECTORY = "/qqd_instanceqq"
# Default of a generated secret: a development credential like all others.
_SECRET = "development"  # noqa: S105 - public by design
# Kibana and CH-UI require a key of at least 32 characters, Portainer a password of at least 12.
_LONG = ("kibana_key", "clickhouse_ui_key", "portainer_admin")
# Variables of the user's environment, and their defaults.
DEFAULTS = {
    "DOCKER_DATA_ROOT": "/var/lib/docker",
    "DOCKER_GROUP": "0",
    "GOTOOLCHAIN": "auto",
    "SSL_CERT_FILE": "/dev/null",
}

_HOSTILE = "\"'\\#$%&<>,; `"
# First value and distance, so that a port plus an offset never equals another port in both evaluations.
_PORTS = {False: (20011, 101), True: (40009, 103)}
_NUMBERS = {False: 37, True: 73}
_NAMED = re.compile(r"/?qq(?P<kind>[kem])_(?P<name>[A-Za-z0-9._:/-]+?)qq")


class PlaceholderError(ProblemsError):
    """Compose cannot set a value where a setting appears; `problems` holds one message each."""


def values(options: settings.Options, hostile: bool) -> dict[str, Any]:
    """Setting -> its placeholder."""
    chosen: dict[str, Any] = {}
    for place, name in enumerate(name for name in options if name not in FIXED):
        first, distance = _PORTS[hostile]
        if options[name]["type"] == "int":
            chosen[name] = _NUMBERS[hostile] if name in settings.RANGES else first + distance * place
        elif name in settings.AMOUNTS:
            # Odd, so that no larger unit fits.
            chosen[name] = f"{2 * (first + distance * place) + 1}m"
        else:
            chosen[name] = f"qqh_{name}qq{_tail(name, options[name])}" if hostile else f"qqs_{name}qq"
    return chosen


def _tail(name: str, option: Mapping[str, Any]) -> str:
    """Characters with a meaning in a syntax that the setting may contain."""
    if name.endswith("_password"):
        return _HOSTILE
    is_free = name.startswith("gateway_") or ("platform" in option and "choices" not in option)
    return "," if is_free else ""


def secret(name: str) -> str:
    """The placeholder of a secret that Ansible would generate."""
    return f"qqk_{name}qq"


def secret_key(name: str) -> str:
    """The key in `.env` of a generated secret."""
    return "SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def default_secret(name: str) -> str:
    """The default of a generated secret."""
    return _SECRET * 3 if name in _LONG else _SECRET


def told_secret(name: str, told: Mapping[str, str]) -> str:
    """The secret of an environment that Docker Compose started. told: the variables that Compose reads from `.env`."""
    return told.get(secret_key(name), default_secret(name))


def variable(name: str) -> str:
    """The placeholder of a variable of the user's environment."""
    return f"qqe_{name}qq"


def path(name: str) -> str:
    """The placeholder of an absolute path in a variable of the user's environment."""
    return f"/{variable(name)}"


def image(entry: Mapping[str, Any]) -> str:
    """The placeholder of the name of a pinned image, in which `.env` can replace the registry's host."""
    host, _ = references.split_host(entry["repository"])
    return references.registry_reference(entry, f"qqm_{host}qq")


class Expressions:
    """Replaces the placeholders of one evaluation. defaults: setting -> default, instead of its option's."""

    def __init__(self, options: settings.Options, hostile: bool, defaults: Mapping[str, Any] | None = None):
        effective = {name: option["default"] for name, option in options.items()} | dict(defaults or {})
        self._of = {str(value): _expression(name, effective[name]) for name, value in values(options, hostile).items()}
        words = sorted((value for value in self._of if not value.isdigit()), key=len, reverse=True)
        numbers = [value for value in self._of if value.isdigit()]
        self._words = re.compile("|".join(map(re.escape, words)))
        self._numbers = re.compile(rf"(?<![\w.])(?:{'|'.join(numbers)})(?!\d)")

    def apply(self, text: str) -> str:
        """The text for Compose: placeholders replaced by expressions, all other dollar signs escaped."""
        # Hostile values contain characters that would be escaped, so they are located first.
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
        raise PlaceholderError(
            [f"{name.upper()}: the default {default!r} contains $ or }}, which Compose does not support."]
        )
    return f"${{{name.upper()}:-{default}}}"


def compare(plain: Any, hostile: Any, place: str = "") -> list[str]:
    """The differences of two evaluations after the replacement of their placeholders; a message each."""
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
        return [f"{place}: the value is calculated from a setting, which Compose does not support."]
    return [f"{place}: {name.upper()} is escaped or calculated with, which Compose does not support." for name in found]


def _traces(value: Any) -> list[str]:
    """Settings whose placeholders are still in a value."""
    return re.findall(r"qq[shkem]_([a-z0-9_]+?)qq", str(value))
