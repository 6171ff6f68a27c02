"""The differences between two views, as reasons and as the text of an Ansible diff, with secrets hidden."""

import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import yaml

from cloudlab.containers.spec import LABEL_HASH, Spec
from cloudlab.model import sizes

HIDDEN = "<hidden>"
SHORTEST_SECRET = 6  # a shorter value also occurs by chance; its own line is hidden by its name

_SECRET_NAME = re.compile(r"(^|_)(PASSWORD|PASSWD|PASS|SECRET|TOKEN|KEY)$", re.IGNORECASE)
_SECRET_LINE = re.compile(
    r"^(?P<name>.*?(?:password|passwd|requirepass|masterauth|secret|token|api_?key|private_?key)"
    r"[\w.-]*['\"]?[ \t]*[:= \t>][ \t]*)\S.*$",
    re.IGNORECASE | re.MULTILINE,
)
_CREDENTIALS = re.compile(r"(?P<before>\w+://[^/\s:@]*:)(?P<secret>[^@\s/]+)@")
_SIZES = ("memory", "memory_swap", "memory_reservation", "shm_size")
# May hold a secret or be too long to read: the reason is that they differ, the diff shows how.
_LONG = ("command", "entrypoint", "healthcheck")


class Redactor:
    """Replaces secret values wherever they occur in a text, also as escaped in JSON, XML and URLs."""

    def __init__(self, secrets: Iterable[str] = ()):
        self._given = secrets

    @functools.cached_property
    def _secrets(self) -> list[str]:
        """The longest first. Computed on first use, because most runs show nothing."""
        written = {form for item in self._given if len(item) >= SHORTEST_SECRET for form in _forms(item)}
        return sorted(written, key=len, reverse=True)

    def knows(self, text: str) -> bool:
        """Whether the text holds a known secret."""
        return any(secret in text for secret in self._secrets)

    def text(self, text: str) -> str:
        """The text without any known secret and without passwords in addresses."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _CREDENTIALS.sub(rf"\g<before>{HIDDEN}@", text)

    def file(self, text: str) -> str:
        """The text of a configuration file; also lines that look as if they set a secret are hidden."""
        return _SECRET_LINE.sub(rf"\g<name>{HIDDEN}", self.text(text))


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as escaped in configuration files."""
    as_json = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (False, True)}
    return {secret, *as_json, escape(secret), quote(secret, safe="")}


def is_secret(name: str, spec: Spec) -> bool:
    """Whether the value of an environment variable must not be shown."""
    return name in spec.secret_env or bool(_SECRET_NAME.search(name))


def secrets_of(spec: Spec) -> set[str]:
    """The values of the specification's secret environment variables."""
    return {value for name, value in spec.options["env"].items() if is_secret(name, spec)}


def differing(actual: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
    """The options that differ."""
    return sorted(name for name, value in desired.items() if actual.get(name) != value)


def reasons(option: str, actual: Any, desired: Any) -> list[str]:
    """Why an option differs, without any value that might be secret."""
    if option == "image":
        return [f"image: {_short(actual)} instead of {_short(desired)}"]
    if option == "published_ports" or option in ("cap_add", "cap_drop", "security_opts", "group_add"):
        return _set_reasons(option, set(actual or ()), set(desired or ()))
    if option in _LONG:
        return [f"{option}: differs"]
    if option == "mounts":
        return _mapping_reasons(option, _by_target(actual), _by_target(desired))
    if isinstance(desired, Mapping):
        return _mapping_reasons(option, actual or {}, desired)
    return [f"{option}: {_plain(option, actual)} instead of {_plain(option, desired)}"]


def _set_reasons(option: str, actual: set, desired: set) -> list[str]:
    more = [f"{option}: {item} is not in the specification" for item in sorted(actual - desired)]
    return more + [f"{option}: {item} is missing" for item in sorted(desired - actual)]


def _mapping_reasons(option: str, actual: Mapping, desired: Mapping) -> list[str]:
    names = sorted(name for name in {*actual, *desired} if name != LABEL_HASH and actual.get(name) != desired.get(name))
    return [f"{option}: {name} {_how(name in actual, name in desired)}" for name in names]


def _how(is_actual: bool, is_desired: bool) -> str:
    if is_actual and is_desired:
        return "has another value"
    return "is missing" if is_desired else "is not in the specification"


def _by_target(mounts: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {mount["target"]: mount for mount in mounts or ()}


def as_text(view: Mapping[str, Any], spec: Spec, redactor: Redactor) -> str:
    """A view as YAML, for people: sizes with units, secrets hidden, empty options left out."""
    shown = {
        name: _plain(name, value) for name, value in sorted(view.items()) if value not in (None, "", [], {}, False, 0)
    }
    if "env" in shown:
        shown["env"] = {key: HIDDEN if is_secret(key, spec) else value for key, value in view["env"].items()}
    if not shown:
        return ""
    return redactor.text(
        yaml.safe_dump(shown, sort_keys=True, default_flow_style=False, allow_unicode=True, width=1000)
    )


def _plain(option: str, value: Any) -> Any:
    if option in _SIZES and isinstance(value, int):
        return "no limit" if value == 0 else "unlimited" if value < 0 else sizes.show(value)
    if option == "cpus":
        return value / 10**9 if value else "no limit"
    if option == "pids_limit":
        return value or "no limit"
    if option == "image":
        return _short(value)
    return "none" if value in ("", None) else value


def _short(image_id: str) -> str:
    return str(image_id).removeprefix("sha256:")[:12]
