"""The communication test without a platform: how it handles responses, logs, orders and measurements."""

import itertools
import json
import re
import sys
import threading
import time
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jwt
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))  # where the package `communication` stands

from communication import __main__ as program
from communication import audit, diagnosis, instance, load, report, shop, tokens, traffic, trail, waiting
from communication.audit import Entries
from communication.gateway import Answer, Gateway, Unexpected, Unreachable, trace_id, traceparent
from communication.shop import Account, Order, Product

EVERYTHING = [
    {"component": name, "ports": {"http": 8080 + number}, "user": "", "password": "", "url": ""}
    for number, name in enumerate((instance.GATEWAY, *instance.SERVICES, *instance.STORES, instance.MAIL))
]
CUSTOMER = Account("u1", "default", "ada@example.org", "token")
PRODUCT = Product("p1", "SKU-1", "Headphones", "r-1")


def answer(status=200, body=b"{}", kind="application/json", request_id="r-1"):
    """A response of the gateway."""
    return Answer("GET", "/path", request_id, status, {"content-type": kind}, body, 0.1)


def problem(**fields):
    """An error of the gateway."""
    return answer(503, json.dumps(fields).encode(), "application/problem+json")


def order(state, order_id="o1", total=4999):
    """An order of that state."""
    return Order(order_id, state, "", total, (state,), "")


# The instance


def test_an_instance_is_what_its_page_says():
    found = instance.parse("second", {"components": EVERYTHING})
    assert found.gateway == "127.0.0.1:8080"


def test_what_is_missing_is_named_with_its_reason():
    components = [entry for entry in EVERYTHING if entry["component"] not in ("search", "elasticsearch")]
    with pytest.raises(instance.InstanceError, match="missing: search, elasticsearch") as error:
        instance.parse("second", {"components": components, "unavailable": {"elasticsearch": "no image"}})
    assert "elasticsearch: no image" in str(error.value)


def test_an_instance_that_never_was_is_an_error():
    with pytest.raises(instance.InstanceError, match="--instance"):
        instance.read("never-was")


def test_without_a_login_of_the_administrator_nothing_can_be_proven():
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
def test_what_is_run(given, chosen):
    assert program.arguments(given).only == chosen


# Requests


class Echo(BaseHTTPRequestHandler):
    """Answers with the request's headers; the path is the status."""

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
    """Requests to a server that answers with their headers."""
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


def test_another_status_is_an_error_with_the_answer(gateway):
    with pytest.raises(Unexpected, match="status 404 instead of 200 or 201") as error:
        gateway.call("GET", "/404", expect={200, 201})
    assert error.value.answer.status == 404
    assert gateway.call("GET", "/404", expect=()).status == 404


def test_no_answer_is_an_error_with_its_first_cause():
    with pytest.raises(Unreachable, match=r"GET /x got no response \(request ID proof-.*refused"):
        Gateway("127.0.0.1:1").call("GET", "/x")


def test_an_excerpt_is_short_and_on_one_line():
    assert answer(body=b'{\n  "a": 1\n}').excerpt == '{ "a": 1 }'
    assert len(answer(body=b"x" * 5000).excerpt) < 500


# Waiting


def test_a_condition_is_asked_until_it_is_true():
    numbers = itertools.count()
    assert waiting.until(lambda: next(numbers) == 3, "it is 3", 5, pause=0)
    with pytest.raises(waiting.NotInTime, match="not within 0 s: it never is"):
        waiting.until(lambda: False, "it never is", 0, pause=0)


@pytest.mark.parametrize(("status", "outage", "goes_on"), [(503, True, True), (503, False, False), (404, True, False)])
def test_an_outage_is_waited_out_where_one_is_expected(status, outage, goes_on):
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
            b"cloudlab: the program exited, run-1",
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
    """A report, and the lines that it printed."""
    monkeypatch.setattr(trail, "FLUSH_SECONDS", 0)
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
    assert "GET /503: 503, request ID proof-" in text
    assert "r-1 is in the log of gateway, order, but not of notification" in text
    assert checks.summary().splitlines() == ["failed at notification: he is told", "0 checks passed, 1 failed"]


def test_a_mistake_of_the_proof_is_no_failed_check(reported):
    checks, _ = reported
    with pytest.raises(KeyError), checks.check("it works"):
        raise KeyError("state")


# Tokens


@pytest.fixture(scope="module")
def issued():
    """A good token, and the key that signed it."""
    key = tokens.unknown_key()
    now = int(time.time())
    token = jwt.encode({"sub": "u1", "iat": now, "exp": now + 900}, key, "ES256", headers={"kid": "k1"})
    return token, key


def verify(token, key):
    """What a verifier makes of a token."""
    assert jwt.get_unverified_header(token)["kid"] == "k1"
    return jwt.decode(token, key.public_key(), ["ES256"])


def test_each_bad_token_is_wrong_in_one_respect(issued):
    token, key = issued
    assert verify(tokens.signed(token, key, jti="2"), key)["jti"] == "2"
    with pytest.raises(jwt.ExpiredSignatureError):
        verify(tokens.expired(token, key), key)
    assert tokens.claims(tokens.expired(token, key))["sub"] == "u1"
    with pytest.raises(jwt.InvalidSignatureError):
        verify(tokens.signed(token, tokens.unknown_key()), key)
    with pytest.raises(jwt.InvalidSignatureError):
        verify(tokens.promoted(token), key)
    assert tokens.claims(tokens.promoted(token))["permissions"] == ["*"]
    with pytest.raises(jwt.InvalidAlgorithmError):
        verify(tokens.unsigned(token), key)


# Orders


@pytest.mark.parametrize(
    ("state", "payments", "entries", "fine"),
    [
        ("confirmed", ["approved"], Entries(1, 0, 4999), True),
        ("confirmed", ["approved"], Entries(2, 0, 9998), False),
        ("confirmed", ["approved"], Entries(1, 0, 9998), False),
        ("confirmed", ["approved"], Entries(1, 1, 4999), False),
        ("confirmed", ["approved", "approved"], Entries(1, 0, 4999), False),
        ("confirmed", [], Entries(), False),
        ("cancelled", [], Entries(), True),
        ("cancelled", ["declined"], Entries(), True),
        ("cancelled", ["refunded"], Entries(1, 1, 4999), True),
        ("cancelled", ["voided"], Entries(1, 0, 4999), False),
        ("cancelled", ["approved"], Entries(1, 0, 4999), False),
    ],
)
def test_payments_have_to_agree_with_the_order(state, payments, entries, fine):
    paid = [{"order_id": "o1", "state": each} for each in payments]
    found = audit.discrepancies({"o1": order(state)}, paid, {"o1": entries})
    assert (found == []) == fine


class Counter503:
    """A shop whose first answers are refusals; it remembers the keys of the requests."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.keys = []

    def place(self, customer, product, card, wait, key):
        self.keys.append(key)
        status = self.statuses.pop(0) if self.statuses else 202
        if status != 202:
            raise Unexpected(answer(status), {202})
        body = {"id": f"order of {key}", "state": "pending", "total": 1, "history": []}
        return answer(202, json.dumps(body).encode())


def placed_by(counter):
    """The traffic of one order, after it has ended."""
    flow = traffic.Traffic(counter, CUSTOMER, PRODUCT)
    with flow:
        deadline = time.monotonic() + 10
        while not flow.placed and time.monotonic() < deadline:
            time.sleep(0.01)
    return flow


def test_a_refused_order_is_sent_again_under_its_key(monkeypatch):
    monkeypatch.setattr(traffic, "PAUSE_SECONDS", 0)
    counter = Counter503(503, 503)
    flow = placed_by(counter)
    first = counter.keys[0]
    assert counter.keys[:3] == [first] * 3
    assert flow.placed[first] == f"order of {first}"
    assert flow.failures == "2 × status 503"


def test_an_order_that_is_wrong_is_not_sent_again(monkeypatch):
    monkeypatch.setattr(traffic, "PAUSE_SECONDS", 0)
    counter = Counter503(422)
    flow = placed_by(counter)
    assert flow.placed[counter.keys[0]] == ""
    assert counter.keys.count(counter.keys[0]) == 1


def test_a_misspelt_word_lacks_one_letter():
    word = shop.new_word()
    assert len(set(word.lower())) == len(word)
    assert len(shop.misspelt(word)) == len(word) - 1


def test_a_picture_is_a_png_of_its_own():
    picture = shop.new_picture(4)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    data = picture[picture.index(b"IDAT") + 4 :]
    assert len(zlib.decompressobj().decompress(data)) == 4 * (1 + 3 * 4)
    assert picture != shop.new_picture(4)


# Figures


def test_a_series_knows_its_quantiles():
    series = load.Series([value / 1000 for value in range(100, 0, -1)])
    assert series.quantile(0.95) == pytest.approx(0.096)
    assert series.document()["median"] == pytest.approx(0.0505)
    assert "median 51 ms, 95 % within 96 ms, slowest 100 ms" in str(series)


def test_a_series_of_errors_has_no_times():
    series = load.Series([], Counter({"GET /x: 503": 2}))
    assert series.document() == {"count": 0, "errors": {"GET /x: 503": 2}}
    assert str(series) == "0 answered, errors: 2 × GET /x: 503"


@pytest.mark.parametrize(("errors", "lost", "good"), [({}, 0, True), ({"503": 1}, 0, False), ({}, 1, False)])
def test_a_load_is_good_without_errors_and_lost_orders(errors, lost, good):
    found = load.Load({"product": load.Series([0.1], Counter(errors))}, load.Series([0.1]), lost)
    assert found.good is good
    assert found.document()["reads"] == found.document()["reads_of"]["product"]


def test_a_slow_answer_does_not_slow_the_rate():
    def slow():
        time.sleep(0.3)

    def wrong():
        raise Unexpected(answer(503), {200})

    begun = time.monotonic()
    found = load.paced({"slow": slow, "wrong": wrong}, rate=50, seconds=0.4)
    assert time.monotonic() - begun < 2
    assert min(found["slow"].seconds) >= 0.3
    assert (len(found["slow"].seconds), sum(found["wrong"].errors.values())) == (10, 10)
    assert len(load.together(found.values()).seconds) == 10


def test_a_mistake_of_the_program_is_no_error_of_the_platform():
    with pytest.raises(ZeroDivisionError):
        load.paced({"act": lambda: 1 / 0}, rate=50, seconds=0.02)
