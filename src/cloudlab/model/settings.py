"""What a user may set in `.env`: the environment's settings, and those that the selected platform declares.

The environment's settings are the entry point `settings` of the preflight role's argument specs, with their defaults in
group_vars/all. A platform declares its own in its description: see cloudlab.model.extension. The key in `.env` and in
the process environment is the variable's name in upper case.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import catalogue, dotenv, extension, rolespecs, sizes, yamlfile
from cloudlab.model.description import SELECTORS, PlatformError, selected
from cloudlab.model.problems import ProblemsError

ROOT = Path(__file__).resolve().parents[3]
# The files of group_vars/all that hold settings, in the order in which users meet them.
SUBJECTS = ("instance", "platform", "ports", "credentials", "images")
SPEC_FILE = ROOT / "roles" / "preflight" / "meta" / "argument_specs.yml"

# Names the process environment to tell which file to read instead of `.env`; an empty value means none.
ENV_FILE_VARIABLE = "CLOUDLAB_ENV_FILE"

# Keys in `.env` that mean something to Docker Compose alone: its own, Docker's, and what stands for generated secrets.
OF_COMPOSE = ("COMPOSE_", "DOCKER_", "SECRET_")

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_PATTERNS = {
    # Suffix or name of the variable: (what its value must look like, how to say it).
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

# Amounts of memory, and the least that what has them works with; empty for the size of the profile.
AMOUNTS = {"builder_memory": "512m"}


class SettingsError(ProblemsError):
    """The user's settings are not acceptable; `problems` holds one message each."""


Options = Mapping[str, Mapping[str, Any]]


@functools.cache
def own() -> dict[str, dict[str, Any]]:
    """The environment's settings: variable -> its argument spec (type, choices, description, default)."""
    options = yamlfile.load(SPEC_FILE)["argument_specs"]["settings"]["options"]
    defaults = {name: value for subject in SUBJECTS for name, value in catalogue.committed(subject).items()}
    return {name: {"default": defaults.get(name), **option} for name, option in options.items()}


def of_platform(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings whose default the platform decides: its own, and those of the gateway's token check.

    :param values: settings that select the platform; what they lack has its default. Raises PlatformError.
    """
    document = selected(values)
    jwt = extension.jwt_defaults(document)
    tokens = {name: own()[name] | {"default": jwt.get(name, own()[name]["default"])} for name in _JWT}
    return {**extension.options(document), **tokens}


def spec(values: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """All settings of the environment with the platform that `values` select. Raises PlatformError."""
    return own() | of_platform(values or {})


def taken() -> set[str]:
    """Names that a platform cannot give to its settings."""
    roles = [path for path in (ROOT / "roles").iterdir() if path.is_dir()]
    subjects = ("catalogue", "profiles", "validation", "wiring")
    return {*own(), *rolespecs.names(roles), *(key for each in subjects for key in catalogue.committed(each))}


def env_file(environ: Mapping[str, str]) -> Path | None:
    """The file that stands for `.env` in this process, or None when there is to be none."""
    if ENV_FILE_VARIABLE in environ:
        return Path(environ[ENV_FILE_VARIABLE]).expanduser() if environ[ENV_FILE_VARIABLE] else None
    return ROOT / ".env"


def load(environ: Mapping[str, str]) -> dict[str, Any]:
    """Variable name -> typed value of everything set in `.env` or, which wins, in the process environment `environ`.

    Raises SettingsError with every unknown key and every value that does not fit its type.
    """
    path = env_file(environ)
    entries = _entries(path, environ)
    try:
        options = spec(_selection(entries, environ))
    except PlatformError as error:
        raise SettingsError(error.problems) from None
    values: dict[str, Any] = {}
    problems: list[str] = []
    for entry in entries:
        place = f"{path}:{entry.line}"
        name = entry.key.lower()
        if entry.key.startswith(OF_COMPOSE):
            continue
        if entry.key != name.upper() or name not in options:
            problems.append(f"{place}: {_unknown(entry.key, options)}")
        elif entry.key not in environ:
            _convert_into(values, name, options[name], entry.value, place, problems)
    for name, option in options.items():
        if name.upper() in environ:
            _convert_into(values, name, option, environ[name.upper()], "environment variable", problems)
    if problems:
        raise SettingsError(problems)
    return values


def platform_defaults(environ: Mapping[str, str]) -> dict[str, Any]:
    """Setting -> default, of those whose default the platform decides. Raises SettingsError and PlatformError."""
    selection = _selection(_entries(env_file(environ), environ), environ)
    return {name: option["default"] for name, option in of_platform(selection).items()}


def _selection(entries: list[dotenv.Entry], environ: Mapping[str, str]) -> dict[str, str]:
    """What `.env` or, which wins, the process environment say of the settings that select the platform."""
    keys = {name.upper(): name for name in SELECTORS}
    given = {entry.key: entry.value for entry in entries} | dict(environ)
    return {name: given[key] for key, name in keys.items() if key in given}


def _entries(path: Path | None, environ: Mapping[str, str]) -> list[dotenv.Entry]:
    """The assignments in the file that stands for `.env`."""
    if path and ENV_FILE_VARIABLE in environ and not path.exists():
        raise SettingsError(
            [f"{path}: does not exist, but {ENV_FILE_VARIABLE} names it. Create it, or unset the variable."]
        )
    try:
        return dotenv.read(path) if path else []
    except dotenv.DotenvError as error:
        raise SettingsError(error.problems) from None


def of_compose(environ: Mapping[str, str]) -> dict[str, str]:
    """What Docker Compose alone reads: key -> value, of `.env` and of the process environment, which wins."""
    path = env_file(environ)
    entries = {entry.key: entry.value for entry in dotenv.read(path)} if path else {}
    return {key: value for key, value in {**entries, **environ}.items() if key.startswith(OF_COMPOSE)}


def passwords(values: Mapping[str, Any]) -> list[str]:
    """The names of the settings that hold a password. Raises PlatformError."""
    return [name for name in spec(values) if name.endswith("_password")]


def check(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the effective `values` (variable name -> value), wherever they come from; a message each."""
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
    """`value` of the variable `name` in the type of its argument spec `option`. Raises ValueError with the reason."""
    key = name.upper()
    if option["type"] == "bool":
        return _boolean(key, value)
    if option["type"] == "int":
        return _integer(key, value, name)
    text = str(value)
    if option.get("choices") and text not in option["choices"]:
        raise ValueError(f"{key} is {text!r}; it must be one of {', '.join(option['choices'])}.")
    _match(name, key, text)
    if name in AMOUNTS and text:
        _suffice(key, text, AMOUNTS[name])
    return text


def _match(name: str, key: str, text: str) -> None:
    for suffix, (pattern, wanted) in _PATTERNS.items():
        if name.endswith(suffix) and not re.fullmatch(pattern, text):
            # Neither a password nor an address with one in it is repeated on the terminal.
            shown = "" if suffix == "_password" or "@" in text else f" is {text!r};"
            raise ValueError(f"{key}{shown} must be {wanted}.")


def _suffice(key: str, text: str, least: str) -> None:
    try:
        amount = sizes.parse(text)
    except ValueError:
        raise ValueError(f"{key} is {text!r}; it must be an amount of memory, for example 3g.") from None
    if amount < sizes.parse(least):
        raise ValueError(f"{key} is {text!r}; it must be at least {least}.")


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


def _convert_into(
    values: dict[str, Any], name: str, option: Mapping[str, Any], raw: str, place: str, problems: list[str]
) -> None:
    try:
        values[name] = convert(name, raw, option)
    except ValueError as error:
        problems.append(f"{place}: {error}")


def _unknown(key: str, options: Options) -> str:
    """The message about a key that is none of the settings.

    A line of a pasted private key may end in `=` too; a name is repeated only where it looks like a setting's.
    """
    known = sorted(name.upper() for name in options)
    if close := difflib.get_close_matches(key.upper(), known, n=1, cutoff=0.6):
        return f"unknown key {key}. Did you mean {close[0]}?"
    shown = f"unknown key {key}." if _SETTING_NAME.fullmatch(key) else "unknown key (not shown: it may be a secret)."
    return f"{shown} Known keys: {', '.join(known)}."
