"""What a user may set in `.env`: the environment's settings, and those that the selected platform declares.

The environment's settings are the entry point `settings` of the preflight role's argument specs, with their defaults in
group_vars/all. A platform declares its own in its description: see cloudlab.model.extension. The key in `.env` and in
the process environment is the variable's name in upper case.
"""

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import catalogue, dotenv, extension, rolespecs, sizes, yamlfile
from cloudlab.model.description import SELECTORS, PlatformError, selected
from cloudlab.model.problems import ProblemsError, nearest

ROOT = Path(__file__).resolve().parents[3]
# The files of group_vars/all that hold settings, in the order in which users meet them.
SUBJECTS = ("instance", "platform", "ports", "credentials", "images")
SPEC_FILE = ROOT / "roles" / "preflight" / "meta" / "argument_specs.yml"

# Variable of the process environment: the file to read instead of `.env`; empty for none.
ENV_FILE_VARIABLE = "CLOUDLAB_ENV_FILE"

# Prefixes of keys in `.env` that only Docker Compose reads: its own, Docker's, and values of generated secrets.
COMPOSE_PREFIXES = ("COMPOSE_", "DOCKER_", "SECRET_")

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_PATTERNS = {
    # Suffix or name of the variable: (pattern of its value, description in messages).
    "cloudlab_instance": (
        r"[a-z][a-z0-9-]{0,30}",
        "up to 31 lower-case letters, digits and dashes, beginning with a letter",
    ),
    "_user": (r"[a-z_][a-z0-9_]{0,62}", "lower-case letters, digits and underscores, beginning with a letter"),
    "_db": (r"[a-z_][a-z0-9_]{0,62}", "lower-case letters, digits and underscores, beginning with a letter"),
    "_password": (r"[^\x00-\x1f\x7f]+", "at least one character, and no control characters"),
    "registry_mirror": (r"(?:[A-Za-z0-9.-]+(?::\d+)?(?:/[a-z0-9._/-]+)?)?", "host[:port][/path], without https://"),
}
RANGES = {"trace_sampling": (0, 100)}
_SETTING_NAME = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)*")

_JWT = tuple(f"gateway_jwt_{key}" for key in extension.JWT_KEYS)

# Settings of an amount of memory, and their minimum; an empty value means the default of the profile's size.
AMOUNTS = {"builder_memory": "512m"}


class SettingsError(ProblemsError):
    """The user's settings are invalid; `problems` holds one message each."""


Options = Mapping[str, Mapping[str, Any]]


@functools.cache
def own() -> dict[str, dict[str, Any]]:
    """The environment's settings: variable -> its argument spec (type, choices, description, default)."""
    options = yamlfile.load(SPEC_FILE)["argument_specs"]["settings"]["options"]
    defaults = {name: value for subject in SUBJECTS for name, value in catalogue.committed(subject).items()}
    return {name: {"default": defaults.get(name), **option} for name, option in options.items()}


def of_platform(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings whose default the platform sets: its own, and those of the gateway's token check.

    :param values: settings that select the platform; missing ones have their default. Raises PlatformError.
    """
    document = selected(values)
    jwt = extension.jwt_defaults(document)
    tokens = {name: own()[name] | {"default": jwt.get(name, own()[name]["default"])} for name in _JWT}
    return {**extension.options(document), **tokens}


def spec(values: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """All settings of the environment with the platform that `values` select. Raises PlatformError."""
    return own() | of_platform(values or {})


def reserved_names() -> set[str]:
    """Names of variables of the environment, which a platform cannot use for its settings."""
    roles = [path for path in (ROOT / "roles").iterdir() if path.is_dir()]
    subjects = ("catalogue", "profiles", "validation", "wiring")
    return {*own(), *rolespecs.names(roles), *(key for each in subjects for key in catalogue.committed(each))}


def env_file(environ: Mapping[str, str]) -> Path | None:
    """The file to read instead of `.env`, or `.env`; None if no file is read."""
    if ENV_FILE_VARIABLE in environ:
        return Path(environ[ENV_FILE_VARIABLE]).expanduser() if environ[ENV_FILE_VARIABLE] else None
    return ROOT / ".env"


def load(environ: Mapping[str, str]) -> dict[str, Any]:
    """Variable -> typed value of all settings in `.env` and in the process environment, which takes precedence.

    Raises SettingsError with every unknown key and every value that does not fit its type.
    """
    entries = _entries(environ)
    try:
        options = spec(_selection(entries, environ))
    except PlatformError as error:
        raise SettingsError(error.problems) from None
    values: dict[str, Any] = {}
    problems: list[str] = []
    names = {name.upper(): name for name in options}
    overridden = [key for key in names if key in environ]
    given = [
        (f"{env_file(environ)}:{entry.line}", entry.key, entry.value)
        for entry in entries
        if entry.key not in overridden and not entry.key.startswith(COMPOSE_PREFIXES)
    ]
    given += [("environment variable", key, environ[key]) for key in overridden]
    for place, key, value in given:
        try:
            if key not in names:
                raise ValueError(_unknown(key, options))
            values[names[key]] = convert(names[key], value, options[names[key]])
        except ValueError as error:
            problems.append(f"{place}: {error}")
    if problems:
        raise SettingsError(problems)
    return values


def platform_defaults(environ: Mapping[str, str]) -> dict[str, Any]:
    """Setting -> default, for the settings of `of_platform`. Raises SettingsError and PlatformError."""
    selection = _selection(_entries(environ), environ)
    return {name: option["default"] for name, option in of_platform(selection).items()}


def _selection(entries: list[dotenv.Entry], environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that select the platform, from `.env` and the process environment, which takes precedence."""
    keys = {name.upper(): name for name in SELECTORS}
    given = {entry.key: entry.value for entry in entries} | dict(environ)
    return {name: given[key] for key, name in keys.items() if key in given}


def _entries(environ: Mapping[str, str]) -> list[dotenv.Entry]:
    """The assignments in `.env`, or in the file that replaces it."""
    path = env_file(environ)
    if path and ENV_FILE_VARIABLE in environ and not path.exists():
        raise SettingsError(
            [f"{path}: does not exist, but {ENV_FILE_VARIABLE} names it. Create it, or unset the variable."]
        )
    try:
        return dotenv.read(path) if path else []
    except dotenv.DotenvError as error:
        raise SettingsError(error.problems) from None


def compose_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that only Docker Compose reads, from `.env` and the process environment, which takes precedence."""
    path = env_file(environ)
    entries = {entry.key: entry.value for entry in dotenv.read(path)} if path else {}
    return {key: value for key, value in {**entries, **environ}.items() if key.startswith(COMPOSE_PREFIXES)}


def passwords(values: Mapping[str, Any]) -> list[str]:
    """The names of the settings that hold a password. Raises PlatformError."""
    return [name for name in spec(values) if name.endswith("_password")]


def check(values: Mapping[str, Any]) -> list[str]:
    """The problems of the effective `values` (variable -> value) from any source; a message each."""
    try:
        options = spec(values)
    except PlatformError as error:
        return error.problems
    problems = []
    for name, option in options.items():
        if name not in values:
            problems.append(f"{name} is not set. Restore its default in group_vars/all/.")
            continue
        try:
            convert(name, values[name], option)
        except ValueError as error:
            problems.append(str(error))
    return problems


def convert(name: str, value: Any, option: Mapping[str, Any]) -> Any:
    """The value of a variable, converted to the type of its argument spec. Raises ValueError with the reason."""
    key = name.upper()
    if option["type"] == "bool":
        return _boolean(key, value)
    if option["type"] == "int":
        return _integer(key, value, name)
    text = str(value)
    if option.get("choices") and text not in option["choices"]:
        raise ValueError(f"{key} is {text!r}; it must be one of {', '.join(option['choices'])}.")
    _check_pattern(name, key, text)
    if name in AMOUNTS and text:
        _check_amount(key, text, AMOUNTS[name])
    return text


def _check_pattern(name: str, key: str, text: str) -> None:
    for suffix, (pattern, expected) in _PATTERNS.items():
        if name.endswith(suffix) and not re.fullmatch(pattern, text):
            # Never print a password, or an address that contains one.
            shown = "" if suffix == "_password" or "@" in text else f" is {text!r};"
            raise ValueError(f"{key}{shown} must be {expected}.")


def _check_amount(key: str, text: str, minimum: str) -> None:
    try:
        amount = sizes.parse(text)
    except ValueError:
        raise ValueError(f"{key} is {text!r}; it must be an amount of memory, for example 3g.") from None
    if amount < sizes.parse(minimum):
        raise ValueError(f"{key} is {text!r}; it must be at least {minimum}.")


def _boolean(key: str, value: Any) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise ValueError(f"{key} is {value!r}; it must be true or false.")


def _integer(key: str, value: Any, name: str) -> int:
    low, high = (1, 65535) if name.endswith("_port") else RANGES.get(name, (0, 2**31 - 1))
    try:
        number = int(str(value).strip())
    except ValueError:
        raise ValueError(f"{key} is {value!r}; it must be a whole number from {low} to {high}.") from None
    if not low <= number <= high:
        raise ValueError(f"{key} is {number}; it must be from {low} to {high}.")
    return number


def _unknown(key: str, options: Options) -> str:
    """The message about an unknown key.

    A line of a pasted private key may end in `=` too, so a key is only repeated if it has the form of a setting.
    """
    known = sorted(name.upper() for name in options)
    if close := nearest(key.upper(), known):
        return f"unknown key {key}. Did you mean {close}?"
    shown = f"unknown key {key}." if _SETTING_NAME.fullmatch(key) else "unknown key (not shown: it may be a secret)."
    return f"{shown} Known keys: {', '.join(known)}."
