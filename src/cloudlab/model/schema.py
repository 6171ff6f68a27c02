"""The schema layer: a type declares what a document looks like, and msgspec validates documents of that type.

A type is a subclass of `Declaration`; `doc` and `valid` annotate the types of its keys.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cloudlab.model import yamlfile
from cloudlab.model.problems import ProblemsError, unknown

_LONGEST_VALUE = 60
_KINDS = {
    bool: "true or false", str: "a string", int: "a whole number", float: "a number",
    list: "a list", dict: "a mapping", type(None): "nothing",
}  # fmt: skip


def doc(description: str) -> Meta:
    """The description of a key, for the JSON Schema."""
    return Meta(description=description)


def valid(expected: str, secret: bool = False, **constraints: Any) -> Meta:
    """The constraints of a value. expected: a valid one in messages; secret: an invalid one is not in messages."""
    return Meta(extra={"expected": expected, "secret": secret}, **constraints)


class Declaration(msgspec.Struct, forbid_unknown_fields=True):
    """A mapping with known keys."""

    # Of these keys, exactly one must be set.
    exactly_one: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if faults := list(self.faults()):
            raise ValueError("\n".join(faults))

    def faults(self) -> Iterator[str]:
        """What is wrong with the keys together, when each one is valid by itself."""
        if self.exactly_one and sum(getattr(self, key) is not UNSET for key in self.exactly_one) != 1:
            yield f"exactly one of {', '.join(self.exactly_one)} must be set."


def problems(document: Any, kind: Any, place: str = "") -> list[str]:
    """Everything that is wrong with a document of the type `kind`: a message each, with its key path below `place`."""
    return list(_problems(_plain(document), kind, place, secret=False))


def read(file: Path, kind: type[Declaration], error: type[ProblemsError]) -> Any:
    """The document in a file, which is valid as `kind`. Raises `error` with every problem."""
    try:
        document = yamlfile.load(file)
    except (OSError, UnicodeDecodeError, yamlfile.ParseError) as fault:
        raise error([f"{file}: {yamlfile.reason(fault)}"]) from None
    if found := problems(document, kind):
        raise error([f"{file}: {text}" for text in found])
    return document


def complete(document: Any, kind: Any) -> dict[str, Any]:
    """A valid document with the defaults of its type filled in, as plain data."""
    return msgspec.to_builtins(msgspec.convert(_plain(document), kind))


def json_schema(kind: type[Declaration], title: str) -> dict[str, Any]:
    """The JSON Schema of a type, with a description of every key."""
    schema = msgspec.json.schema(kind)
    for declaration in _subclasses(Declaration):
        if declaration.exactly_one and declaration.__name__ in schema["$defs"]:
            alternatives = [{"required": [key]} for key in declaration.exactly_one]
            schema["$defs"][declaration.__name__]["oneOf"] = alternatives
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def _subclasses(kind: type[Declaration]) -> Iterator[type[Declaration]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _plain(value: Any) -> Any:
    """`value` without subclasses of built-in types, such as the tagged strings of Ansible."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {str.__str__(key) if isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _problems(value: Any, kind: Any, place: str, secret: bool) -> Iterator[str]:
    """msgspec reports the first problem only, so each part of an invalid value is converted by itself."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        bare, extra = _unwrap(kind)
        secret = secret or extra.get("secret", False)
        if found := list(_parts(value, bare, place, secret)):
            yield from found
        elif error.__cause__:
            yield from (_at(place, text) for text in str(error.__cause__).splitlines())
        else:
            yield _at(
                place, f"expected {extra.get('expected') or _expected(bare)}, found {_found(value, bare, secret)}."
            )


def _parts(value: Any, kind: Any, place: str, secret: bool) -> Iterator[str]:
    """The problems with the keys and items of a value, where it is of the right type."""
    origin = get_origin(kind) or kind
    if origin is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _problems(item, get_args(kind)[0], f"{place}[{index}]", secret)
    elif origin is dict and isinstance(value, dict):
        key_kind, item_kind = get_args(kind)
        for key, item in value.items():
            below = f"{place}.{key}".lstrip(".")
            yield from _problems(key, key_kind, below, secret)
            yield from _problems(item, item_kind, below, secret)
    elif isinstance(origin, type) and issubclass(origin, Declaration) and isinstance(value, dict):
        fields = {field.encode_name: field for field in msgspec.structs.fields(origin)}
        yield from (_at(place, text) for text in unknown(value, fields, "key"))
        for key, field in fields.items():
            if key in value:
                yield from _problems(value[key], field.type, f"{place}.{key}".lstrip("."), secret)
            elif field.required:
                yield _at(place, f"{key} must be set.")


def _unwrap(kind: Any) -> tuple[Any, dict[str, Any]]:
    """A type without its annotations, and what their `extra` says."""
    extra: dict[str, Any] = {}
    while True:
        if get_origin(kind) is Annotated:
            kind, *annotations = get_args(kind)
            for annotation in annotations:
                extra = {**(annotation.extra or {}), **extra}
        elif get_origin(kind) in (Union, UnionType) and UnsetType in get_args(kind):
            kind = Union[tuple(member for member in get_args(kind) if member is not UnsetType)]  # noqa: UP007
        else:
            return kind, extra


def _expected(kind: Any) -> str:
    """How a message names the valid values of a type."""
    bare, extra = _unwrap(kind)
    if "expected" in extra:
        return extra["expected"]
    if get_origin(bare) is Literal:
        return f"one of {', '.join(get_args(bare))}"
    if get_origin(bare) in (Union, UnionType):
        return " or ".join(_expected(member) for member in get_args(bare))
    return _KINDS.get(get_origin(bare) or bare, "a mapping")


def _found(value: Any, kind: Any, secret: bool) -> str:
    """An invalid value, or only its type where the value may be secret or long."""
    if value in ([], {}, ""):
        return f"an empty {_KINDS[type(value)].removeprefix('a ')}"
    structured = get_origin(kind) in (list, dict) or (isinstance(kind, type) and issubclass(kind, Declaration))
    if isinstance(value, bool) and not secret:
        return "true" if value else "false"
    if isinstance(value, str | int | float) and not secret and not structured and len(str(value)) <= _LONGEST_VALUE:
        return repr(value)
    return "a boolean" if isinstance(value, bool) else _KINDS.get(type(value), f"a {type(value).__name__}")


def _at(place: str, text: str) -> str:
    return f"{place}: {text}" if place else text
