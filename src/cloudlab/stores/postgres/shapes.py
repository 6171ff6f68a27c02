"""The words of PostgreSQL's plan: what is declared, the steps, and how names and texts are quoted in them."""

from dataclasses import dataclass, field

BOOTSTRAP = "postgres"  # initdb's superuser; it has no password and can log in only inside the container
MAINTENANCE = "postgres"  # the database that initdb makes: connected to while the platform's own does not exist yet
SHARED = (MAINTENANCE, "template1")  # databases that everybody may connect to unless that is taken back
EVERYBODY = "public"  # PostgreSQL reserves the name: no role can have it
IDENTIFIER_BYTES = 63  # longer names would be cut silently, and two of them could become one
# On Debian /usr/bin/psql is a Perl wrapper, and psql itself stands beside the server, where PATH finds it only there.
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


def identifier(name: str) -> str:
    """``name`` quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` quoted as an SQL string, whatever standard_conforming_strings says."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f" E{quoted}" if "\\" in text else quoted
