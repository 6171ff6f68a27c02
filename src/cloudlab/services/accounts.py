"""PostgreSQL accounts and databases of services."""

from collections.abc import Callable, Mapping
from typing import Any


def has_account(entry: Mapping[str, Any]) -> bool:
    """Whether a component is a service that declares a schema or a database."""
    return entry["kind"] == "service" and bool(entry.get("schema") or entry.get("database"))


def account(name: str, entry: Mapping[str, Any], database: str) -> dict[str, str]:
    """The PostgreSQL account of a service: {"role", "database", "secret"}, and "schema" where it has one.

    `database` is the shared one. Dashes, which SQL requires to be quoted, become underscores.
    """
    role = name.replace("-", "_")
    own = {"role": role, "database": entry.get("database") or database, "secret": f"postgres_{name}"}
    return {**own, "schema": role} if entry.get("schema") else own


def accounts(catalogue: Mapping[str, Mapping[str, Any]], secret: Callable[[str], str]) -> list[dict[str, str]]:
    """The accounts of all services that declare a schema or a database, as the role postgres takes them."""
    found = []
    for name, entry in catalogue.items():
        if has_account(entry):
            own = account(name, entry, "")
            places = {key: own[key] for key in ("schema", "database") if own.get(key)}
            found.append({"name": name, "role": own["role"], "password": secret(own["secret"]), **places})
    return found


def databases(catalogue: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """The databases that belong to single services: {"name", "owner"} each, once."""
    owned: dict[str, str] = {}
    for name, entry in catalogue.items():
        if entry["kind"] == "service" and entry.get("database"):
            owned.setdefault(entry["database"], account(name, entry, "")["role"])
    return [{"name": database, "owner": owner} for database, owner in owned.items()]
