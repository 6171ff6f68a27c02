"""Reasons why the engine cannot be used, each with its message."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from typing import Any, ClassVar

import pytest
from docker.errors import APIError

from cloudlab.engine import EngineError
from cloudlab.engine import client as engine


class Answers(http.server.BaseHTTPRequestHandler):
    """GET /version of an engine, and every POST, as the test sets them."""

    version: dict | str = ""
    answer: tuple[int, str] = (200, "")
    posted: ClassVar[list[tuple[str, Any]]] = []

    def do_GET(self):
        body = self.version if isinstance(self.version, str) else json.dumps(self.version)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.posted.append((self.path, json.loads(self.rfile.read(length) or "null")))
        status, body = self.answer
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in [*body.splitlines(keepends=True), ""]:
            self.wfile.write(f"{len(line):x}\r\n{line}\r\n".encode())

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def address():
    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def speaking(oldest: str, newest: str) -> dict:
    return {"Version": "99.1", "ApiVersion": newest, "MinAPIVersion": oldest}


def test_podman_is_named(address, monkeypatch):
    """Podman's socket answers like an engine's; this is from Podman 5.8.6."""
    components = [{"Name": "Podman Engine", "Version": "5.8.6"}, {"Name": "Conmon", "Version": "conmon version 2.1.13"}]
    podman = {"Components": components, "Version": "5.8.6", "ApiVersion": "1.44", "MinAPIVersion": "1.24"}
    monkeypatch.setattr(Answers, "version", podman)
    with pytest.raises(EngineError, match=f"{address} is Podman 5.8.6, which Cloudlab does not support"):
        engine.connect({"DOCKER_HOST": address})


@pytest.mark.parametrize(
    ("oldest", "newest", "asked", "agreed"),
    [
        ("1.12", "1.41", None, (1, 41)),
        ("1.24", "1.45", None, (1, 45)),
        ("1.44", "1.52", None, (1, 45)),
        ("1.24", "1.45", "1.43", (1, 43)),
    ],
)
def test_the_version_is_negotiated(monkeypatch, address, oldest, newest, asked, agreed):
    monkeypatch.setattr(Answers, "version", speaking(oldest, newest))
    environ = {"DOCKER_HOST": address} | ({"DOCKER_API_VERSION": asked} if asked else {})
    connected = engine.connect(environ)
    assert connected.api == agreed
    connected.close()


@pytest.fixture
def connected(monkeypatch, address):
    monkeypatch.setattr(Answers, "version", speaking("1.12", "1.45"))
    monkeypatch.setattr(Answers, "posted", [])
    connected = engine.connect({"DOCKER_HOST": address})
    yield connected
    connected.close()


@pytest.mark.parametrize(
    ("body", "warnings"), [('{"Warnings": ["no swap"]}', ["no swap"]), ('{"Warnings": null}', []), ("{}", [])]
)
def test_limits_are_changed_in_place(monkeypatch, connected, body, warnings):
    monkeypatch.setattr(Answers, "answer", (200, body))
    assert connected.update_container("0123", {"PidsLimit": 7}) == warnings
    assert Answers.posted == [("/v1.45/containers/0123/update", {"PidsLimit": 7})]


def test_what_the_engine_refuses_is_an_error(monkeypatch, connected):
    monkeypatch.setattr(Answers, "answer", (409, '{"message": "it is paused"}'))
    with pytest.raises(APIError) as caught:
        connected.update_container("0123", {})
    assert caught.value.explanation == "it is paused"


def test_a_streamed_answer_is_read_document_by_document(monkeypatch, connected):
    monkeypatch.setattr(Answers, "answer", (200, '{"status": "one"}\r\n{"status": "two"}\r\n'))
    response = connected.client.call("/images/create", params={"tag": "1"}, stream=True)
    assert list(connected.client.documents(response)) == [{"status": "one"}, {"status": "two"}]
    assert Answers.posted == [("/v1.45/images/create?tag=1", None)]


@pytest.mark.parametrize(
    ("oldest", "newest", "asked", "message"),
    [
        (
            "1.12",
            "1.40",
            None,
            "Docker Engine 99.1 supports API versions 1.12 to 1.40; Cloudlab needs 1.41. Upgrade",
        ),
        (
            "1.46",
            "1.60",
            None,
            "supports API versions 1.46 to 1.60; Cloudlab supports versions up to 1.45. Upgrade Cloudlab",
        ),
        ("1.12", "1.41", "1.50", "DOCKER_API_VERSION is 1.50, but .* 1.12 to 1.41; .* or upgrade the engine"),
        ("1.44", "1.45", "1.41", "1.41 is older. Unset DOCKER_API_VERSION"),
        ("1.12", "1.45", "1.30", "Cloudlab supports 1.41 to 1.45"),
        ("1.12", "1.41", "new", "is not a version such as 1.41"),
    ],
)
def test_incompatible_versions(monkeypatch, address, oldest, newest, asked, message):
    monkeypatch.setattr(Answers, "version", speaking(oldest, newest))
    environ = {"DOCKER_HOST": address} | ({"DOCKER_API_VERSION": asked} if asked else {})
    with pytest.raises(EngineError, match=message):
        engine.connect(environ)


@pytest.mark.parametrize("body", ["<html>", "[]", "{}"])
def test_another_program_answers(monkeypatch, address, body):
    monkeypatch.setattr(Answers, "version", body)
    with pytest.raises(EngineError):
        engine.connect({"DOCKER_HOST": address})


def test_no_socket(tmp_path):
    with pytest.raises(EngineError, match=f"No Docker Engine is running: the socket {tmp_path}/x.sock does not exist"):
        engine.connect({"DOCKER_HOST": f"unix://{tmp_path}/x.sock"})


def test_a_dead_socket(tmp_path):
    path = str(tmp_path / "x.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
    with pytest.raises(EngineError, match="no process listens on the socket"):
        engine.connect({"DOCKER_HOST": f"unix://{path}"})


def test_something_that_is_not_a_socket(tmp_path):
    (tmp_path / "x.sock").touch()
    with pytest.raises(EngineError, match="is not a socket"):
        engine.connect({"DOCKER_HOST": f"unix://{tmp_path}/x.sock"})


def test_a_socket_without_permission(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        monkeypatch.setattr(socket.socket, "connect", refused)
        with pytest.raises(EngineError, match="usermod -aG"):
            engine.connect({"DOCKER_HOST": f"unix://{path}"})


def test_a_hanging_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "HANDSHAKE_SECONDS", 0.1)
    path = str(tmp_path / "x.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with pytest.raises(EngineError, match=r"accepted the connection but did not answer within 0.1 s"):
            engine.connect({"DOCKER_HOST": f"unix://{path}"})


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"DOCKER_HOST": "ssh://elsewhere"}, "which is another machine"),
        ({"DOCKER_HOST": "nonsense"}, "nonsense is invalid"),
        ({"DOCKER_CONTEXT": "no-such-context"}, "names the context 'no-such-context', which does not exist"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:1"}, "tcp://127.0.0.1:1 cannot be reached"),
    ],
)
def test_unusable_addresses(environ, message):
    with pytest.raises(EngineError, match=message):
        engine.connect(environ)
