"""Checks of PostgreSQL: databases, schemas, each service's login, versions of schemas, rows.

The findings, for the checks that depend on the platform::

    {"rows":     {"place.table": rows},         place: a schema of the platform's database, or a database of a service
     "versions": {place: {version table: latest applied version}}}
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from cloudlab.model.checks import NOTE, OK, Check, converge, verdict
from cloudlab.stores import readiness
from cloudlab.stores.base import StoreError
from cloudlab.stores.lazy_client import LazyClient
from cloudlab.stores.postgres.objects import declare, plan, unmanaged_schemas
from cloudlab.stores.postgres.server import Server
from cloudlab.stores.postgres.shapes import SHARED, Database, Desired, Service, identifier

STORE = "postgres"
CURE = converge(STORE)

# Objects of others that the current role may use: the arguments are names of schemas and of databases.
FOREIGN = """
  select 'schema ' || nspname from pg_namespace where nspname = any(%s) and has_schema_privilege(oid, 'usage')
  union all
  select 'database ' || datname from pg_database where datname = any(%s) and has_database_privilege(oid, 'connect')
  order by 1"""
# Tables by schema, and whether they have the columns in which goose records versions.
TABLES = """
  select n.nspname, c.relname, (
    select count(*) = 3 from pg_attribute a
    where a.attrelid = c.oid and not a.attisdropped and a.attname in ('version_id', 'is_applied', 'tstamp'))
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  order by 1, 2"""


@dataclass(frozen=True)
class Login:
    """Result of a role's login. ``fault``: why it failed; ``foreign``: objects of others that it may use."""

    fault: str = ""
    foreign: tuple[str, ...] = ()


def check(arguments: Mapping[str, Any], docker: LazyClient) -> tuple[list[Check], dict[str, Any]]:
    """The checks of the server, including each service's login, and the contents of its databases."""
    want = declare(arguments)
    host, port, container = arguments["host"], arguments["port"], arguments["container"]
    server = Server(host, port, container, arguments["admin_user"], arguments["admin_password"], docker)
    try:
        state = readiness.wait_until(docker, container, partial(server.answer, want.main.name))
        contents = server.contents(want, state, locally=False)
        logins = {each.name: log_in(server, each, want) for each in want.services}
        found = find(server, want, contents)
    finally:
        server.close()
    return checks(want, state, contents, logins), found


def log_in(admin: Server, service: Service, want: Desired) -> Login:
    """Log in as a service's role, with its own password."""
    server = replace(admin, user=service.role, password=service.password)
    schemas = [other.schema for other in want.services if other.schema and other.schema != service.schema]
    databases = [base.name for base in want.databases if base.name != service.database]
    try:
        rows = server.query(service.database, FOREIGN, (schemas, [*databases, *SHARED]))
    except StoreError as error:
        return Login(fault=" ".join(str(error).split()))
    finally:
        server.close()
    return Login(foreign=tuple(name for (name,) in rows))


def find(server: Server, want: Desired, contents: Iterable[str]) -> dict[str, Any]:
    """The contents of the databases `contents` (see the module's docstring), with the rows of every table."""
    counted: dict[str, int] = {}
    versions: dict[str, dict[str, int]] = {}
    for base in contents:
        known = server.query(base, TABLES)
        for schema, table, versioned in known:
            place = schema if base == want.main.name else base
            path = f"{identifier(schema)}.{identifier(table)}"
            [(rows,)] = server.query(base, f"select count(*) from {path}")  # noqa: S608 - names are quoted
            counted[f"{place}.{table}"] = rows
            if versioned:
                query = f"select coalesce(max(version_id) filter (where is_applied), 0) from {path}"  # noqa: S608
                [(version,)] = server.query(base, query)
                versions.setdefault(place, {})[table] = version
    return {"rows": counted, "versions": versions}


def checks(
    want: Desired, state: Mapping[str, Any], contents: Mapping[str, Mapping[str, Any]], logins: Mapping[str, Login]
) -> list[Check]:
    """All checks that need only the declaration.

    :param state, contents: as :func:`plan` takes them. :param logins: by name of the service.
    """
    found = [Check(STORE, "answers", OK, f"as {want.admin}")]
    for base in want.databases:
        found.append(verdict(STORE, f"database {base.name}", _database(base, state), CURE, f"owned by {base.owner}"))
    for service in want.services:
        found += _service(service, contents.get(service.database, {}), logins[service.name])
    failed = {check.subject for check in found if check.state != OK}
    left = [step for step in plan(want, state, contents).steps() if not _told(step.subject, failed)]
    rest = "; ".join(f"{step.subject}: {step.before}, declared: {step.after}" for step in left)
    found.append(verdict(STORE, "grants, search paths, extensions", rest, CURE, "as declared"))
    if extra := unmanaged_schemas(want, contents):
        names = ", ".join(f"{base}.{schema}" for base, schemas in extra.items() for schema in schemas)
        found.append(Check(STORE, "undeclared schemas", NOTE, names))
    return found


def _database(base: Database, state: Mapping[str, Any]) -> str:
    known = state["databases"].get(base.name)
    if known is None:
        return "absent"
    return "" if known["owner"] == base.owner else f"owned by {known['owner']} instead of {base.owner}"


def _service(service: Service, content: Mapping[str, Any], login: Login) -> Iterable[Check]:
    yield verdict(STORE, f"role {service.role}", login.fault, CURE, "logs in with its own password")
    if service.schema:
        known = content.get("schemas", {}).get(service.schema)
        fault = "" if known and known["owner"] == service.role else f"owned by {known['owner']}" if known else "absent"
        yield verdict(STORE, f"schema {service.schema}", fault, CURE, f"owned by {service.role}")
    if not login.fault:
        fault = f"may use {', '.join(login.foreign)}" if login.foreign else ""
        yield verdict(STORE, f"role {service.role}, others' data", fault, CURE, "out of reach")


def _told(subject: str, failed: set[str]) -> bool:
    """Whether a failed check covers what a step of the plan would fix."""
    return subject in failed or subject.removesuffix(", password") in failed
