"""A client of a PostgreSQL server in a container, over TCP, or through its socket when the password is rejected.

In the container, the account `postgres` is the superuser `postgres` (pg_hba.conf, peer), and everyone who may use the
Docker Engine has that account. Thus the administrator's role and password can be set for an existing volume.
"""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import docker
import psycopg

from cloudlab.stores.base import RefusedError, StoreError, TCPServer
from cloudlab.stores.lazy_client import LazyClient
from cloudlab.stores.postgres import queries, shapes
from cloudlab.stores.readiness import NotYetError

CONNECT_SECONDS = 3  # timeout of libpq
EXEC_SECONDS = 30

_LOCAL_ARGUMENTS = ["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", shapes.BOOTSTRAP, "-f", "-"]

# Messages of a running server that accepts no connections yet, or not the role's password. They are English
# (lc_messages in postgresql.conf); libpq returns only the text, without the SQLSTATE.
_NOT_YET = (
    "the database system is",
    "Connection refused",
    "server closed the connection",
    "timeout expired",
    "reset by peer",
)
_ROLE_IS_WRONG = ("password authentication failed", "is not permitted to log in")


@dataclass
class Server(TCPServer):
    """One server, with a connection for each database."""

    engine: LazyClient
    _connections: dict[str, psycopg.Connection] = field(default_factory=dict, init=False, repr=False)

    def answer(self, database: str) -> dict[str, Any]:
        """The state (see ``queries``) as seen from ``database``; from the maintenance database while that one does not
        exist: its `content` is then missing. One query.

        A probe for readiness.wait_until: raises NotYetError while the server starts, RefusedError, StoreError.
        """
        connection = self._find(database)
        if connection is None:
            state = self._ask(self._connect(shapes.MAINTENANCE), queries.QUERY)
            del state["content"]
            return state
        return self._ask(connection, queries.QUERY)

    def content(self, database: str) -> dict[str, Any]:
        """The `content` of one more database. One query."""
        return self._ask(self._connect(database), queries.CONTENT_QUERY)["content"]

    def contents(self, want: shapes.Desired, state: Mapping[str, Any], *, locally: bool) -> dict[str, dict]:
        """Database name -> `content`, for each declared database that exists; ``state`` is the first answer."""
        ask = self.content_locally if locally else self.content
        found = {want.main.name: state["content"]} if "content" in state else {}
        for base in want.databases[1:]:
            if base.name in state["databases"]:
                found[base.name] = ask(base.name)
        return found

    def query(self, database: str, sql: str, parameters: tuple[Any, ...] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query in a database that exists."""
        connection = self._connect(database)
        try:
            return connection.execute(sql, parameters).fetchall()
        except psycopg.Error as error:
            raise StoreError(f"{self._place(database)}: {_explained(error)}") from error

    def apply(self, plan: shapes.Plan) -> None:
        """Apply the plan: roles, then databases, then each database's content in one transaction."""
        first = next(iter(plan.content))
        self._transaction(self._find(first) or self._connect(shapes.MAINTENANCE), plan.cluster)
        for step in plan.create:
            self._execute(self._connect(shapes.MAINTENANCE), step)
        for database, steps in plan.content.items():
            if steps:
                self._transaction(self._connect(database), steps)

    def set_admin(self) -> None:
        """Make the administrator's role a superuser with the password of this object, through the server's socket."""
        self.run_locally(queries.admin_statement(self.user, self.password), shapes.MAINTENANCE)

    def answer_locally(self, database: str) -> dict[str, Any]:
        """As :meth:`answer`, through the server's socket: for a check that must not set the password."""
        names = json.loads(self.run_locally("select json_agg(datname) from pg_database;", shapes.MAINTENANCE))
        exists = database in names
        state = json.loads(self.run_locally(f"{queries.QUERY};", database if exists else shapes.MAINTENANCE))
        if not exists:
            del state["content"]
        return state

    def content_locally(self, database: str) -> dict[str, Any]:
        return json.loads(self.run_locally(f"{queries.CONTENT_QUERY};", database))["content"]

    def run_locally(self, sql: str, database: str) -> str:
        """Run statements inside the container as the bootstrap superuser; returns psql's output.

        The statements go to psql's standard input, because other users can read the arguments of a process.
        """
        api, container = self.engine, self.container
        try:
            command = ["sh", "-c", shapes.LOCAL_PSQL, "psql", *_LOCAL_ARGUMENTS, "-d", database]
            job = api.exec_create(container, command, stdin=True, user=shapes.BOOTSTRAP)["Id"]
            output, errors = _converse(api.exec_start(job, socket=True), sql.encode())
            code = api.exec_inspect(job)["ExitCode"]
        except (docker.errors.DockerException, OSError) as error:
            raise StoreError(f"container {container}: psql cannot be run in it: {error}") from error
        if code != 0:
            raise StoreError(f"container {container}, database {database}: psql ended with {code}: {errors.strip()}")
        return output

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self.engine.close()

    def _connect(self, database: str) -> psycopg.Connection:
        """An open connection to a database that exists."""
        connection = self._find(database)
        if connection is None:
            raise StoreError(f"{self._place(database)}: the database does not exist")
        return connection

    def _find(self, database: str) -> psycopg.Connection | None:
        """An open connection, one per database; None when the database does not exist."""
        known = self._connections.get(database)
        if known is not None and not known.closed:
            return known
        try:
            connection = psycopg.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                dbname=database,
                connect_timeout=CONNECT_SECONDS,
                autocommit=True,  # transactions are explicit
                sslmode="disable",
                gssencmode="disable",
                options="-c client_min_messages=warning",
                application_name="cloudlab",
            )
        except (psycopg.OperationalError, UnicodeError) as error:
            self._refuse_unless_missing(database, str(error))
            return None
        self._connections[database] = connection
        return connection

    def _refuse_unless_missing(self, database: str, reason: str) -> None:
        """Raise the meaning of a refused connection, unless only the database is missing."""
        if any(sign in reason for sign in _ROLE_IS_WRONG):
            raise RefusedError(reason)
        if f'database "{database}" does not exist' in reason:
            return
        if any(sign in reason for sign in _NOT_YET):
            raise NotYetError(reason)
        raise StoreError(f"{self._place(database)}: {reason}")

    def _ask(self, connection: psycopg.Connection, query: str) -> dict[str, Any]:
        try:
            [(answer,)] = connection.execute(query)
            return answer
        except psycopg.errors.InsufficientPrivilege as error:
            raise RefusedError(str(error)) from error
        except psycopg.errors.AdminShutdown as error:  # the server restarts: a new connection may succeed
            connection.close()
            raise NotYetError(str(error)) from error
        except psycopg.Error as error:
            raise StoreError(f"{self._place(connection.info.dbname)}: {error}") from error

    def _transaction(self, connection: psycopg.Connection, steps: list[shapes.Step]) -> None:
        with connection.transaction():
            for step in steps:
                self._execute(connection, step)

    def _execute(self, connection: psycopg.Connection, step: shapes.Step) -> None:
        try:
            connection.execute(step.sql)
        except psycopg.Error as error:
            raise StoreError(f"{self._place(connection.info.dbname)}, {step.subject}: {_explained(error)}") from error

    def _place(self, database: str) -> str:
        return f"container {self.container}, database {database}"


def _converse(stream: Any, request: bytes) -> tuple[str, str]:
    """Send a request to a command's standard input, and read (output, errors) until it ends."""
    connection = getattr(stream, "_sock", stream)
    try:
        connection.settimeout(EXEC_SECONDS)
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    finally:
        # The response of the SDK, which stream keeps, cannot be finalised once its socket is closed (Python 3.13).
        if response := getattr(stream, "_response", None):
            response.close()
        stream.close()
    streams = {1: b"", 2: b""}
    while received:  # frames of the engine's protocol: stream, three zero bytes, length
        length = int.from_bytes(received[4:8], "big")
        streams[received[0]] += received[8 : 8 + length]
        received = received[8 + length :]
    return streams[1].decode(), streams[2].decode(errors="replace")


def _explained(error: psycopg.Error) -> str:
    """The first line of a server's error; the others quote the statement, which may contain a verifier."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, psycopg.errors.FeatureNotSupported) and "is not available" in text:
        return f"{text}. The image does not have it; pg_available_extensions lists those that it has."
    return text
