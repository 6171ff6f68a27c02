"""The communication test without a platform: its evaluation of responses, logs and tokens."""

import itertools
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from communication import __main__ as program
from communication import diagnosis, instance, report, tokens, trail, waiting
from communication.gateway import Answer, Gateway, Unexpected, Unreachable, trace_id, traceparent

EVERYTHING = [
    {"component": name, "ports": {"http": 8080 + number}, "user": "", "password": "", "url": ""}
    for number, name in enumerate((instance.GATEWAY, *instance.SERVICES, *instance.STORES))
]


def answer(status=200, body=b"{}", kind="application/json", request_id="r-1"):
    """A response of the gateway."""
    return Answer("GET", "/path", request_id, status, {"content-type": kind}, body, 0.1)


def problem(**fields):
    """An error of the gateway."""
    return answer(503, json.dumps(fields).encode(), "application/problem+json")


# The instance


def test_an_instance_is_read_from_its_report():
    found = instance.parse("second", {"components": EVERYTHING})
    assert found.gateway == "127.0.0.1:8080"


def test_missing_components_have_a_reason():
    components = [entry for entry in EVERYTHING if entry["component"] not in ("search", "elasticsearch")]
    with pytest.raises(instance.InstanceError, match="missing: search, elasticsearch") as error:
        instance.parse("second", {"components": components, "unavailable": {"elasticsearch": "no image"}})
    assert "elasticsearch: no image" in str(error.value)


def test_an_unknown_instance_is_an_error():
    with pytest.raises(instance.InstanceError, match="--instance"):
        instance.read("never-was")


def test_a_missing_administrator_login_is_an_error():
    with pytest.raises(instance.InstanceError, match="Converge"):
        _ = instance.parse("second", {"components": EVERYTHING}).administrator


def test_the_instance_is_the_one_of_the_settings():
    nothing = {"CLOUDLAB_ENV_FILE": ""}
    assert instance.default_name(nothing) == "cloudlab"
    assert instance.default_name(nothing | {"CLOUDLAB_INSTANCE": "second"}) == "second"


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ([], [*program.JOURNEYS]),
        (["--accidents"], [*program.JOURNEYS, *program.ACCIDENTS]),
        (["--accidents", "--only", "tokens", "--only", "kafka-stopped"], ["tokens", "kafka-stopped"]),
    ],
)
def test_the_selected_checks_run(given, chosen):
    assert program.arguments(given).only == chosen


# Requests


class Echo(BaseHTTPRequestHandler):
    """Responds with the request's headers; the path is the status."""

    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(int(self.path.strip("/")))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def gateway():
    """Requests to a server that responds with their headers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever).start()
    yield Gateway(f"127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_every_request_has_an_id_of_its_own(gateway, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    first, second = (gateway.call("GET", "/200", token="abc") for _ in range(2))
    assert first.json()["x-request-id"] == first.request_id != second.request_id
    assert first.json()["authorization"] == "Bearer abc"
    assert gateway.last == second


def test_an_unexpected_status_is_an_error_with_the_response(gateway):
    with pytest.raises(Unexpected, match="status 404 instead of 200 or 201") as error:
        gateway.call("GET", "/404", expect={200, 201})
    assert error.value.answer.status == 404
    assert gateway.call("GET", "/404", expect=()).status == 404


def test_a_missing_response_is_an_error_with_its_cause():
    with pytest.raises(Unreachable, match=r"GET /x was not answered \(request id proof-.*refused"):
        Gateway("127.0.0.1:1").call("GET", "/x")


def test_an_excerpt_is_short_and_on_one_line():
    assert answer(body=b'{\n  "a": 1\n}').excerpt == '{ "a": 1 }'
    assert len(answer(body=b"x" * 5000).excerpt) < 500


# Waiting


def test_a_condition_is_polled_until_it_is_true():
    numbers = itertools.count()
    assert waiting.until(lambda: next(numbers) == 3, "it is 3", 5, pause=0)
    with pytest.raises(waiting.NotInTime, match="not within 0 s: it never is"):
        waiting.until(lambda: False, "it never is", 0, pause=0)


@pytest.mark.parametrize(("status", "outage", "goes_on"), [(503, True, True), (503, False, False), (404, True, False)])
def test_an_expected_outage_is_waited_for(status, outage, goes_on):
    answers = iter([Unexpected(answer(status), {200}), None])

    def probe():
        if error := next(answers):
            raise error
        return "found"

    if goes_on:
        assert waiting.until(probe, "it is there", 5, outage=outage, pause=0) == "found"
    else:
        with pytest.raises(Unexpected):
            waiting.until(probe, "it is there", 5, outage=outage, pause=0)


# Logs, and who is to blame


def test_lines_are_found_by_their_request_id():
    log = b"\n".join(
        [
            b'{"msg": "request", "request_id": "run-1"}',
            b'{"msg": "request", "request_id": "run-12"}',
            b'{"msg": "of run-1", "request_id": "other"}',
            b"cloudlab: the program ended, run-1",
            b'["run-1"]',
            b'{"msg": "saga", "request_id": "run-1"}',
        ]
    )
    assert [record["msg"] for record in trail.records(log, "run-1")] == ["request", "saga"]


def test_a_request_begins_one_trace():
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", traceparent("run-1"))
    assert traceparent("run-1").split("-")[1] == trace_id("run-1") != trace_id("run-2")
    found = {"order": [{"trace_id": "a"}, {"trace_id": "b"}], "user": [{}]}
    assert trail.traces(found) == {"order": {"a", "b"}, "user": {""}}


WAY = ("gateway", "order", "kafka", "notification")
WELL = dict.fromkeys(WAY, "healthy")


@pytest.mark.parametrize(
    ("states", "logged", "given", "consequence", "hop"),
    [
        (WELL | {"kafka": "exited"}, {"notification": 0}, None, True, "kafka"),
        ({"gateway": "healthy"}, {}, None, False, "order"),
        (WELL, {}, problem(service="user"), False, "user"),
        (WELL | {"kafka": "starting", "user": "healthy"}, {}, problem(service="user"), False, "user"),
        (WELL, {"gateway": 1, "order": 4, "notification": 0}, answer(), True, "notification"),
        (WELL, {"gateway": 1, "order": 4, "notification": 2}, answer(), True, "notification"),
        (WELL, {"gateway": 1, "order": 1, "notification": 0}, answer(409), False, "order"),
        (WELL, {"gateway": 1, "order": 0, "notification": 0}, answer(401), False, "gateway"),
        (WELL, {}, None, False, "notification"),
    ],
)
def test_the_failed_hop(states, logged, given, consequence, hop):
    assert diagnosis.failed_hop(WAY, states, logged, given, consequence)[0] == hop


class Engine:
    """Containers of which notification has exited; all but its log have the request."""

    def states(self):
        return WELL | {"notification": "exited"}

    def log(self, component, since):
        return b"" if component == "notification" else b'{"request_id": "r-1"}\n'


@pytest.fixture
def reported(gateway, monkeypatch):
    """A report, and its printed lines."""
    monkeypatch.setattr(trail, "PATIENCE_SECONDS", 0)
    printed = []
    return report.Report(gateway, Engine(), printed.append), printed


def test_a_check_that_passes_is_one_line(reported):
    checks, printed = reported
    with checks.check("it works", "order") as it:
        it.note = "as ever"
    (line,) = printed
    assert line.startswith("  ok ")
    assert line.endswith("s  it works (as ever)")
    assert checks.summary() == "1 checks passed, 0 failed"


def test_a_check_that_fails_names_the_hop_and_the_evidence(reported):
    checks, printed = reported
    with pytest.raises(report.Broken), checks.check("he is told", "order", "notification", request_id="r-1"):
        checks.gateway.call("GET", "/503")
    text = "\n".join(printed)
    assert "notification: its container is exited" in text
    assert "GET /503: 503, request id proof-" in text
    assert "r-1 is in the log of gateway, order, and not of notification" in text
    assert checks.summary().splitlines() == ["failed at notification: he is told", "0 checks passed, 1 failed"]


def test_an_exception_is_not_a_failed_check(reported):
    checks, _ = reported
    with pytest.raises(KeyError), checks.check("it works"):
        raise KeyError("state")


# Tokens


@pytest.fixture(scope="module")
def issued():
    """A valid token, and its key."""
    key = tokens.unpublished_key()
    now = int(time.time())
    token = jwt.encode({"sub": "u1", "iat": now, "exp": now + 900}, key, "ES256", headers={"kid": "k1"})
    return token, key


def verify(token, key):
    """The result of verifying a token."""
    assert jwt.get_unverified_header(token)["kid"] == "k1"
    return jwt.decode(token, key.public_key(), ["ES256"])


def test_each_bad_token_has_one_fault(issued):
    token, key = issued
    assert verify(tokens.signed(token, key, jti="2"), key)["jti"] == "2"
    with pytest.raises(jwt.ExpiredSignatureError):
        verify(tokens.expired(token, key), key)
    assert tokens.claims(tokens.expired(token, key))["sub"] == "u1"
    with pytest.raises(jwt.InvalidSignatureError):
        verify(tokens.signed(token, tokens.unpublished_key()), key)
    with pytest.raises(jwt.InvalidSignatureError):
        verify(tokens.promoted(token), key)
    assert tokens.claims(tokens.promoted(token))["permissions"] == ["*"]
    with pytest.raises(jwt.InvalidAlgorithmError):
        verify(tokens.unsigned(token), key)
