"""What a PostgreSQL server is to hold, and the statements that bring it there. Pure functions over plain data.

The state of a server, as :data:`QUERY` returns it (see there for the query)::

    {"roles":     {name: {"login": bool, "privileges": [attribute names], "password": verifier | None,
                          "member_of": [role names]}},
     "settings":  [{"database": name | None, "role": name, "values": ["search_path=a, b", ...]}],
     "databases": {name: {"owner": role, "connect": [role names; "public" is everybody]}},
     "content":   {"schemas":    {name: {"owner": role, "grants": [[role | "public", "USAGE" | "CREATE"], ...]}},
                   "extensions": {name: schema}}}

`content` is that of the database which was asked; the rest is the cluster's. A server that does not exist yet has the
state :data:`NOTHING`.

Nothing is ever dropped: schemas, roles and databases that nobody declares are reported or left alone. What breaks the
isolation of the services (a grant, a membership, an attribute) is taken back.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cloudlab.stores import scram

BOOTSTRAP = "postgres"  # initdb's superuser; it has no password and can log in only inside the container
MAINTENANCE = "postgres"  # the database that initdb makes: connected to while the platform's own does not exist yet
SHARED = (MAINTENANCE, "template1")  # databases that everybody may connect to unless that is taken back
EVERYBODY = "public"  # PostgreSQL reserves the name: no role can have it
IDENTIFIER_BYTES = 63  # longer names would be cut silently, and two of them could become one

NOTHING: dict[str, Any] = {
    "roles": {},
    "settings": [],
    "databases": {},
    "content": {
        "schemas": {"public": {"owner": "pg_database_owner", "grants": [["public", "USAGE"]]}},
        "extensions": {},
    },
}

_CONTENT = """
  'content', json_build_object(
    'schemas', (
      select coalesce(json_object_agg(n.nspname, json_build_object(
        'owner', pg_get_userbyid(n.nspowner),
        'grants', (
          select coalesce(json_agg(json_build_array(
            case g.grantee when 0 then 'public' else pg_get_userbyid(g.grantee) end, g.privilege_type)), '[]')
          from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) g))), '{}')
      from pg_namespace n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'),
    'extensions', (
      select coalesce(json_object_agg(e.extname, n.nspname), '{}')
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace))
"""
_CLUSTER = """
  'roles', (
    select json_object_agg(a.rolname, json_build_object(
      'login', a.rolcanlogin,
      'password', a.rolpassword,
      'privileges', array_remove(array[
        case when a.rolsuper then 'superuser' end, case when a.rolcreatedb then 'createdb' end,
        case when a.rolcreaterole then 'createrole' end, case when a.rolreplication then 'replication' end,
        case when a.rolbypassrls then 'bypassrls' end], null),
      'member_of', (
        select coalesce(json_agg(pg_get_userbyid(m.roleid)), '[]') from pg_auth_members m where m.member = a.oid)))
    from pg_authid a where a.rolname !~ '^pg_'),
  'settings', (
    select coalesce(json_agg(json_build_object(
      'database', d.datname, 'role', pg_get_userbyid(s.setrole), 'values', s.setconfig)), '[]')
    from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase where s.setrole <> 0),
  'databases', (
    select json_object_agg(d.datname, json_build_object(
      'owner', pg_get_userbyid(d.datdba),
      'connect', (
        select coalesce(json_agg(case g.grantee when 0 then 'public' else pg_get_userbyid(g.grantee) end), '[]')
        from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) g where g.privilege_type = 'CONNECT')))
    from pg_database d)
"""
# Everything that counts, in one answer: of the cluster and the database asked, or of the database alone.
QUERY = f"select json_build_object({_CLUSTER},{_CONTENT})"
CONTENT_QUERY = f"select json_build_object({_CONTENT})"


class DeclarationError(ValueError):
    """What is declared cannot be: the text names the entry and says what is wrong with it."""


@dataclass(frozen=True)
class Service:
    """A login role, and the schema that it owns in ``database`` (None: the role owns no schema there)."""

    name: str
    role: str
    password: str = field(repr=False)
    database: str
    schema: str | None


@dataclass(frozen=True)
class Extension:
    """An extension; ``schema`` None: wherever it is, and in `public` when it has to be created."""

    name: str
    schema: str | None = None


@dataclass(frozen=True)
class Database:
    """A database with its owner's role and its extensions."""

    name: str
    owner: str
    extensions: tuple[Extension, ...] = ()


@dataclass(frozen=True)
class Desired:
    """What the server is to hold. ``databases``: the platform's own first; ``health``: the health check's role."""

    admin: str
    databases: tuple[Database, ...]
    services: tuple[Service, ...]
    health: str | None = None

    @property
    def main(self) -> Database:
        return self.databases[0]

    def of(self, database: str) -> list[Service]:
        return [service for service in self.services if service.database == database]


@dataclass(frozen=True)
class Step:
    """One statement and what it changes: ``subject`` goes from ``before`` to ``after`` (neither holds a secret)."""

    subject: str
    before: str
    after: str
    sql: str = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """What is missing or different, in the order of its application.

    ``cluster``: roles, one transaction. ``create``: databases, one statement each (PostgreSQL allows no transaction).
    ``content``: per database, one transaction each.
    """

    cluster: list[Step]
    create: list[Step]
    content: dict[str, list[Step]]

    def steps(self) -> list[Step]:
        return [*self.cluster, *self.create, *(step for steps in self.content.values() for step in steps)]


def desired(arguments: Mapping[str, Any]) -> Desired:
    """The declaration of the action's arguments, checked. Raises DeclarationError with every fault found."""
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
        raise DeclarationError("\n".join(faults))
    return result


def plan(want: Desired, state: Mapping[str, Any], contents: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The steps from the server's state to what is wanted.

    ``state``: the answer to QUERY. ``contents``: database name -> its `content`, for each wanted database that exists.
    """
    return Plan(
        cluster=list(_roles(want, state)),
        create=[
            Step(f"database {base.name}", "absent", f"owned by {base.owner}", _create_database(base))
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


def script(want: Desired) -> str:
    """Input of psql that makes an empty server hold what is wanted, and does no harm to one that holds it.

    Passwords come from psql's variables `password_0` (the administrator's) and the following (the services'),
    so that the text holds none and quotes them as they are. What somebody has altered is not taken back: that needs
    :func:`plan`, which looks first.
    """
    lines = [
        # A password in a statement that is slow or fails would be logged.
        "set log_min_duration_statement = -1;",
        "set log_min_error_statement = panic;",
    ]
    roles = [(want.admin, "superuser login"), *((service.role, "login") for service in want.services)]
    for number, (role, attributes) in enumerate(roles):
        lines += [
            _unless_there(f"create role {identifier(role)}", "pg_roles where rolname", role),
            f"alter role {identifier(role)} {attributes} password :'password_{number}';",
        ]
    lines += [_unless_there(_create_database(base), "pg_database where datname", base.name) for base in want.databases]
    for database, steps in plan(want, NOTHING, {}).content.items():
        lines += [f"\\connect {identifier(database)}", *(f"{step.sql};" for step in steps)]
    return "".join(f"{line}\n" for line in lines)


def _unless_there(sql: str, where: str, name: str) -> str:
    """A statement for psql that is carried out unless the catalogue has the name."""
    return f"select {literal(sql)} where not exists (select from {where} = {literal(name)}) \\gexec"  # noqa: S608 - quoted


def unmanaged_schemas(want: Desired, contents: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Database -> the schemas in it that nothing declares; databases without any are left out."""
    found = {}
    for base in want.databases:
        declared = {service.schema for service in want.of(base.name)} | set(_extension_schemas(base)) | {"public"}
        if extra := sorted(set(contents.get(base.name, NOTHING["content"])["schemas"]) - declared):
            found[base.name] = extra
    return found


def admin_statement(user: str, password: str) -> str:
    """Makes ``user`` a superuser who logs in with ``password``, whether the role exists or not."""
    role = identifier(user)
    return (
        f"do $$ begin if not exists (select from pg_roles where rolname = {literal(user)}) then"
        f" create role {role}; end if; end $$;\n"
        f"alter role {role} superuser login password {literal(scram.verifier(password))};\n"
    )


def identifier(name: str) -> str:
    """``name`` quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` quoted as an SQL string, whatever standard_conforming_strings says."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f" E{quoted}" if "\\" in text else quoted


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
            yield f"database {base.name}: its owner {base.owner} is no declared role."
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


def _create_database(base: Database) -> str:
    return f"create database {identifier(base.name)} owner {identifier(base.owner)}"


def _ownership(base: Database, state: Mapping[str, Any]) -> Iterable[Step]:
    known = state["databases"].get(base.name)
    if known and known["owner"] != base.owner:
        sql = f"alter database {identifier(base.name)} owner to {identifier(base.owner)}"
        yield Step(f"database {base.name}", f"owned by {known['owner']}", f"owned by {base.owner}", sql)


def _connect_rights(want: Desired, state: Mapping[str, Any]) -> Iterable[Step]:
    """Who may connect where: each role to its own database alone. Grants to roles that nobody declares are left."""
    owners = {base.name: base.owner for base in want.databases}
    managed = {service.role for service in want.services}
    for name in (*owners, *SHARED):
        # A new database: its owner and everybody may connect.
        known = state["databases"].get(name, {"connect": [EVERYBODY, owners.get(name, BOOTSTRAP)]})["connect"]
        wanted = {service.role for service in want.of(name)} | ({owners[name]} if name in owners else set())
        if name == MAINTENANCE and want.health:
            wanted.add(want.health)
        subject = f"database {name}, may connect"
        for role in sorted(wanted - set(known)):
            sql = f"grant connect on database {identifier(name)} to {identifier(role)}"
            yield Step(subject, f"not {role}", role, sql)
        for role in sorted(set(known) & ({EVERYBODY} | managed - wanted)):
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
    strangers = {grantee for grantee, _ in known["grants"]} & ({EVERYBODY} | managed) - {owner, known["owner"]}
    for role in sorted(strangers):
        sql = f"revoke all on schema {identifier(name)} from {_grantee(role)}"
        yield Step(subject, f"open to {_spoken(role)}", f"closed to {_spoken(role)}", sql)


def _shared_schema(name: str, known: Mapping[str, Any] | None) -> Iterable[Step]:
    """A schema for extensions: everybody may use what is in it."""
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
