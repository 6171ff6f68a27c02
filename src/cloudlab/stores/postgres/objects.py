"""PostgreSQL's roles, databases and schemas: desired state, and the statements that lead to it. Pure functions.

The state of a server is that of :mod:`cloudlab.stores.postgres.queries`; one that does not exist yet has the state
:data:`NOTHING`. Nothing is dropped: undeclared schemas are reported, undeclared roles and databases are ignored.
Grants, memberships and attributes that break the isolation of the services are revoked.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from cloudlab.stores.base import ObjectsError
from cloudlab.stores.postgres import scram
from cloudlab.stores.postgres.shapes import (
    BOOTSTRAP,
    EVERYBODY,
    IDENTIFIER_BYTES,
    MAINTENANCE,
    SHARED,
    Database,
    Desired,
    Extension,
    Plan,
    Service,
    Step,
    identifier,
    literal,
)

NOTHING: dict[str, Any] = {
    "roles": {},
    "settings": [],
    "databases": {},
    "content": {
        "schemas": {"public": {"owner": "pg_database_owner", "grants": [["public", "USAGE"]]}},
        "extensions": {},
    },
}


def declare(arguments: Mapping[str, Any]) -> Desired:
    """The declaration of the action's arguments, checked. Raises ObjectsError with every mistake."""
    admin, main = arguments["admin_user"], arguments["database"]
    databases = [Database(main, admin, _extensions(arguments.get("extensions")))]
    databases += [
        Database(entry["name"], entry["owner"], _extensions(entry.get("extensions")))
        for entry in arguments.get("databases") or []
    ]
    services = [
        Service(
            name=entry["name"],
            role=entry.get("role") or entry["name"],
            password=entry["password"],
            database=entry.get("database") or main,
            schema=entry.get("schema"),
        )
        for entry in arguments.get("services") or []
    ]
    result = Desired(admin, tuple(databases), tuple(services), arguments.get("health_role"))
    if faults := list(_faults(result)):
        raise ObjectsError(faults)
    return result


def plan(want: Desired, state: Mapping[str, Any], contents: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The steps from the server's state to the declaration.

    ``state``: the answer to QUERY. ``contents``: database name -> its `content`, for each existing one.
    """
    return Plan(
        cluster=list(_roles(want, state)),
        create=[
            Step(f"database {base.name}", "absent", f"owned by {base.owner}", create_database(base))
            for base in want.databases
            if base.name not in state["databases"]
        ],
        content={
            base.name: [
                *_ownership(base, state),
                *(_connect_rights(want, state) if base is want.main else ()),
                *_content(want, base, contents.get(base.name, NOTHING["content"])),
                *_search_paths(want, base, state),
            ]
            for base in want.databases
        },
    )


def unmanaged_schemas(want: Desired, contents: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Database -> the schemas in it that nothing declares; databases without any are left out."""
    found = {}
    for base in want.databases:
        declared = {service.schema for service in want.of(base.name)} | set(_extension_schemas(base)) | {"public"}
        if extra := sorted(set(contents.get(base.name, NOTHING["content"])["schemas"]) - declared):
            found[base.name] = extra
    return found


def parse_name_list(text: str) -> list[str]:
    """The names of a setting such as search_path: `a, "b c"` -> ["a", "b c"]."""
    return [
        found.group(1).replace('""', '"') if found.group(1) is not None else found.group(2)
        for found in re.finditer(r'"((?:[^"]|"")*)"|([^,\s"]+)', text)
    ]


def _extensions(entries: Iterable[Mapping[str, Any]] | None) -> tuple[Extension, ...]:
    return tuple(Extension(entry["name"], entry.get("schema")) for entry in entries or [])


def _faults(want: Desired) -> Iterable[str]:
    reserved = {want.admin: "the administrator", BOOTSTRAP: "the server's own superuser"}
    if want.health:
        reserved[want.health] = "the health check"
    for service in want.services:
        place = f"service {service.name}"
        if service.role in reserved:
            yield f"{place}: role {service.role} belongs to {reserved[service.role]}. Choose another name."
        if not service.password or "\0" in service.password:
            yield f"{place}: the password is empty or holds a NUL byte."
        if service.database not in {base.name for base in want.databases}:
            yield f"{place}: database {service.database} is not declared. Add it to the databases."
        if service.schema == "public":
            yield f"{place}: schema public is everybody's. Choose another name."
    for base in want.databases[1:]:
        if base.owner not in {want.admin, *(service.role for service in want.services)}:
            yield f"database {base.name}: its owner {base.owner} is not a declared role."
    yield from _duplicates("role", [service.role for service in want.services])
    yield from _duplicates("database", [base.name for base in want.databases])
    schemas = [f"{service.database}.{service.schema}" for service in want.services if service.schema]
    yield from _duplicates("schema", schemas)
    yield from _unusable_names(want)


def _duplicates(what: str, names: list[str]) -> Iterable[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{what} {name} is declared {names.count(name)} times. Each must be declared once."


def _unusable_names(want: Desired) -> Iterable[str]:
    names = {want.admin, *(base.name for base in want.databases), *(service.role for service in want.services)}
    names |= {service.schema for service in want.services if service.schema}
    for name in sorted(names):
        if not name or "\0" in name or len(name.encode()) > IDENTIFIER_BYTES:
            yield f"name {name!r}: PostgreSQL allows 1 to {IDENTIFIER_BYTES} bytes."
        elif name.startswith("pg_") or name == EVERYBODY:
            yield f"name {name}: PostgreSQL keeps it for itself. Choose another one."


# Roles


def _roles(want: Desired, state: Mapping[str, Any]) -> Iterable[Step]:
    if want.health:
        yield from _role(want, state, want.health, lambda verifier: verifier is None, None)
    for service in want.services:
        password = service.password
        yield from _role(want, state, service.role, partial(scram.matches, password), password)


def _role(
    want: Desired,
    state: Mapping[str, Any],
    name: str,
    password_is_right: Callable[[str | None], bool],
    password: str | None,
) -> Iterable[Step]:
    subject, role = f"role {name}", state["roles"].get(name)
    secret = f"password {literal(scram.verifier(password))}" if password is not None else "password null"
    if role is None:
        yield Step(subject, "absent", "may log in", f"create role {identifier(name)} login {secret}")
        return
    if not role["login"]:
        yield Step(subject, "may not log in", "may log in", f"alter role {identifier(name)} login")
    if extra := role["privileges"]:
        taken = " ".join(f"no{privilege}" for privilege in extra)
        yield Step(subject, ", ".join(extra), "no privileges of its own", f"alter role {identifier(name)} {taken}")
    if not password_is_right(role["password"]):
        yield Step(f"{subject}, password", "another one", "as declared", f"alter role {identifier(name)} {secret}")
    managed = {service.role for service in want.services} | {want.admin, BOOTSTRAP}
    for group in sorted(role["member_of"]):
        of_superuser = "superuser" in state["roles"].get(group, {}).get("privileges", ())
        if of_superuser or group in managed or group.startswith("pg_"):
            sql = f"revoke {identifier(group)} from {identifier(name)}"
            yield Step(subject, f"member of {group}", "not a member", sql)


# Databases


def create_database(base: Database) -> str:
    return f"create database {identifier(base.name)} owner {identifier(base.owner)}"


def _ownership(base: Database, state: Mapping[str, Any]) -> Iterable[Step]:
    known = state["databases"].get(base.name)
    if known and known["owner"] != base.owner:
        sql = f"alter database {identifier(base.name)} owner to {identifier(base.owner)}"
        yield Step(f"database {base.name}", f"owned by {known['owner']}", f"owned by {base.owner}", sql)


def _connect_rights(want: Desired, state: Mapping[str, Any]) -> Iterable[Step]:
    """Each role may only connect to its own database. Grants to undeclared roles are not changed."""
    owners = {base.name: base.owner for base in want.databases}
    managed = {service.role for service in want.services}
    for name in (*owners, *SHARED):
        # By default, everybody may connect to a new database.
        known = state["databases"].get(name, {"connect": [EVERYBODY, owners.get(name, BOOTSTRAP)]})["connect"]
        declared = {service.role for service in want.of(name)} | ({owners[name]} if name in owners else set())
        if name == MAINTENANCE and want.health:
            declared.add(want.health)
        subject = f"database {name}, may connect"
        for role in sorted(declared - set(known)):
            sql = f"grant connect on database {identifier(name)} to {identifier(role)}"
            yield Step(subject, f"not {role}", role, sql)
        for role in sorted(set(known) & ({EVERYBODY} | managed - declared)):
            sql = f"revoke connect on database {identifier(name)} from {_grantee(role)}"
            yield Step(subject, _spoken(role), f"not {_spoken(role)}", sql)


# Schemas, extensions, search paths


def _content(want: Desired, base: Database, content: Mapping[str, Any]) -> Iterable[Step]:
    schemas, extensions = content["schemas"], content["extensions"]
    managed = {service.role for service in want.services}
    for schema in sorted(set(_extension_schemas(base)) - {"public"}):
        yield from _shared_schema(schema, schemas.get(schema))
    for extension in base.extensions:
        yield from _extension(extension, extensions.get(extension.name))
    for service in want.of(base.name):
        if service.schema:
            yield from _schema(service.schema, service.role, schemas.get(service.schema), managed)
    if [EVERYBODY, "CREATE"] in schemas.get("public", {}).get("grants", ()):
        sql = "revoke create on schema public from public"
        yield Step("schema public", "everybody may create in it", "nobody but the owner may", sql)


def _schema(name: str, owner: str, known: Mapping[str, Any] | None, managed: set[str]) -> Iterable[Step]:
    subject = f"schema {name}"
    if known is None:
        sql = f"create schema if not exists {identifier(name)} authorization {identifier(owner)}"
        yield Step(subject, "absent", f"owned by {owner}", sql)
        return
    if known["owner"] != owner:
        sql = f"alter schema {identifier(name)} owner to {identifier(owner)}"
        yield Step(subject, f"owned by {known['owner']}", f"owned by {owner}", sql)
    others = {grantee for grantee, _ in known["grants"]} & ({EVERYBODY} | managed) - {owner, known["owner"]}
    for role in sorted(others):
        sql = f"revoke all on schema {identifier(name)} from {_grantee(role)}"
        yield Step(subject, f"open to {_spoken(role)}", f"closed to {_spoken(role)}", sql)


def _shared_schema(name: str, known: Mapping[str, Any] | None) -> Iterable[Step]:
    """A schema for extensions, which everybody may use."""
    if known is None:
        yield Step(f"schema {name}", "absent", "present", f"create schema if not exists {identifier(name)}")
    if known is None or [EVERYBODY, "USAGE"] not in known["grants"]:
        sql = f"grant usage on schema {identifier(name)} to public"
        yield Step(f"schema {name}", "closed to everybody", "open to everybody", sql)


def _extension(extension: Extension, schema: str | None) -> Iterable[Step]:
    subject, name = f"extension {extension.name}", identifier(extension.name)
    if schema is None:
        place = extension.schema or "public"
        sql = f"create extension if not exists {name} schema {identifier(place)} cascade"
        yield Step(subject, "absent", f"in schema {place}", sql)
    elif extension.schema and schema != extension.schema:
        sql = f"alter extension {name} set schema {identifier(extension.schema)}"
        yield Step(subject, f"in schema {schema}", f"in schema {extension.schema}", sql)


def _search_paths(want: Desired, base: Database, state: Mapping[str, Any]) -> Iterable[Step]:
    shared = ["public", *sorted(set(_extension_schemas(base)) - {"public"})]
    for service in want.of(base.name):
        if not service.schema:
            continue
        path, known = [service.schema, *shared], _search_path(state, base.name, service.role)
        if known != path:
            names = ", ".join(identifier(name) for name in path)
            sql = f"alter role {identifier(service.role)} in database {identifier(base.name)} set search_path = {names}"
            before = "default" if known is None else ", ".join(known)
            yield Step(f"role {service.role}, search_path in {base.name}", before, ", ".join(path), sql)


def _search_path(state: Mapping[str, Any], database: str, role: str) -> list[str] | None:
    for setting in state["settings"]:
        if (setting["database"], setting["role"]) == (database, role):
            for value in setting["values"]:
                name, _, text = value.partition("=")
                if name == "search_path":
                    return parse_name_list(text)
    return None


def _extension_schemas(base: Database) -> list[str]:
    return [extension.schema for extension in base.extensions if extension.schema]


def _grantee(role: str) -> str:
    return "public" if role == EVERYBODY else identifier(role)


def _spoken(role: str) -> str:
    return "everybody" if role == EVERYBODY else role
