"""Users of Elasticsearch's file realm, which applies a changed password to an existing volume."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

PBKDF2_ROUNDS = 10_000  # Elasticsearch's own default for {PBKDF2}
PBKDF2_BYTES = 32


def password_hash(password: str, salt: str) -> str:
    """The password as Elasticsearch's file realm stores it, ``{PBKDF2}<rounds>$<salt>$<key>``.

    The salt is derived from ``salt`` (any text), so that the same password in the same place gives the same file.
    """
    # Derived from the password too, so that two passwords of a user never share a salt.
    grain = hashlib.sha256(salt.encode() + b"\0" + password.encode()).digest()
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), grain, PBKDF2_ROUNDS, PBKDF2_BYTES)
    parts = (str(PBKDF2_ROUNDS), base64.b64encode(grain).decode(), base64.b64encode(key).decode())
    return "{PBKDF2}" + "$".join(parts)


def users_file(users: Iterable[Mapping[str, Any]], salt: str) -> str:
    """The file realm's ``users`` from a list of ``{name, password, roles}``."""
    return "".join(f"{u['name']}:{password_hash(u['password'], salt + '/' + u['name'])}\n" for u in users)


def roles_file(users: Iterable[Mapping[str, Any]]) -> str:
    """The file realm's ``users_roles`` from the same list."""
    members: dict[str, list[str]] = {}
    for user in users:
        for role in user["roles"]:
            members.setdefault(role, []).append(user["name"])
    return "".join(f"{role}:{','.join(names)}\n" for role, names in sorted(members.items()))
