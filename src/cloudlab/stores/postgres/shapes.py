"""Data types of PostgreSQL's declaration and plan, and quoting of names and texts."""

from dataclasses import dataclass, field

BOOTSTRAP = "postgres"  # initdb's superuser; it has no password and can log in only inside the container
MAINTENANCE = "postgres"  # initdb's database, used until the platform's own exists
SHARED = (MAINTENANCE, "template1")  # databases that everybody may connect to by default
EVERYBODY = "public"  # reserved by PostgreSQL
IDENTIFIER_BYTES = 63  # PostgreSQL truncates longer names silently
# On Debian /usr/bin/psql is a Perl wrapper; psql itself is in the server's folder.
LOCAL_PSQL = 'server=$(command -v postgres) && exec "${server%/*}/psql" "$@"'


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
    """An extension; ``schema`` None: in `public` when it is created, not moved when it exists."""

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
    """The desired state. ``databases``: the platform's own first; ``health``: the health check's role."""

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
    """One statement: ``subject`` changes from ``before`` to ``after`` (without secrets)."""

    subject: str
    before: str
    after: str
    sql: str = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """The steps, in the order in which they are applied.

    ``cluster``: roles, one transaction. ``create``: databases, one statement each (PostgreSQL allows no transaction).
    ``content``: per database, one transaction each.
    """

    cluster: list[Step]
    create: list[Step]
    content: dict[str, list[Step]]

    def steps(self) -> list[Step]:
        return [*self.cluster, *self.create, *(step for steps in self.content.values() for step in steps)]


def identifier(name: str) -> str:
    """``name`` quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` quoted as an SQL string, for any standard_conforming_strings."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f" E{quoted}" if "\\" in text else quoted
