"""ClickHouse's engine, the Python extension chdb-core, behind as much of its HTTP interface as the clients here use.

    python tests/support/clickhouse_engine.py <extension> <config.xml> <folder>

It prints its port. The engine is not a server: every statement runs as the user `default`, who must have no password.
The credentials in a request are ignored.
"""

import importlib.util
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

# The revision of the native protocol whose blocks are those of the format Native.
REVISION = 0


class Engine:
    """The one engine of this process, and its data in `folder`."""

    def __init__(self, extension: Path, config: Path, folder: Path) -> None:
        # Without the package around it, which requires pyarrow.
        spec: Any = importlib.util.spec_from_file_location("_chdb", extension)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._inserted = folder / "inserted"
        self._connection = module.connect(f"{folder}?config-file={config}")

    def answer(self, parameters: dict[str, str], body: bytes) -> bytes:
        """The result of a statement: the body, or the parameter `query` with the rows of an INSERT in the body.

        Raises RuntimeError with the engine's message.
        """
        if not (database := parameters.get("database")):
            return self._run(parameters, body)
        self._connection.query(f"USE `{database}`", "Null")
        try:
            return self._run(parameters, body)
        finally:
            self._connection.query("USE default", "Null")

    def _run(self, parameters: dict[str, str], body: bytes) -> bytes:
        if insert := parameters.get("query"):
            self._inserted.write_bytes(body)
            sql = insert.replace("FORMAT", f"FROM INFILE '{self._inserted}' FORMAT")
        else:
            sql = body.decode()
        if "revision()" in sql:
            return self._handshake()
        return self._connection.query(sql, parameters.get("default_format", "TabSeparated")).bytes()

    def _handshake(self) -> bytes:
        """The answer to the first query of clickhouse-go: one row, from which it takes the revision of later blocks.

        Only this block has the client's own revision: it begins with information about the block, and a byte after each
        type says that the column is serialised as usual.
        """
        line = self._connection.query("SELECT displayName(), version(), timezone()", "TabSeparated").bytes().decode()
        name, version, zone = line.rstrip("\n").split("\t")
        columns = [_string("String") + b"\0" + _string(text) for text in (name, version)]
        columns += [
            _string("UInt32") + b"\0" + REVISION.to_bytes(4, "little"),
            _string("String") + b"\0" + _string(zone),
        ]
        information = b"\1\0\2\xff\xff\xff\xff\0"
        return information + bytes([len(columns), 1]) + b"".join(_string("column") + column for column in columns)


def _string(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


class Handler(BaseHTTPRequestHandler):
    """Answers one request per connection. The engine serves one at a time."""

    engine: Engine

    def do_POST(self) -> None:
        try:
            status, answer = 200, self.engine.answer(dict(parse_qsl(urlsplit(self.path).query)), self._body())
        except RuntimeError as error:
            status, answer = 500, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: Any) -> None:
        """Nothing: the engine's log suffices."""


def main(extension: str, config: str, folder: str) -> None:
    Handler.engine = Engine(Path(extension), Path(config), Path(folder))
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
