"""The communication test without a platform: its evaluation of orders and measurements."""

import json
import time
import zlib
from collections import Counter

import pytest
from communication import audit, load, shop, traffic
from communication.audit import Entries
from communication.gateway import Answer, Unexpected
from communication.shop import Account, Order, Product

CUSTOMER = Account("u1", "default", "ada@example.org", "token")
PRODUCT = Product("p1", "SKU-1", "Headphones", "r-1")


def answer(status, body=b"{}"):
    """A response of the gateway."""
    return Answer("POST", "/path", "r-1", status, {"content-type": "application/json"}, body, 0.1)


def order(state):
    """An order in the state."""
    return Order("o1", state, "", 4999, (state,), "")


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
def test_payments_must_match_the_order(state, payments, entries, fine):
    paid = [{"order_id": "o1", "state": each} for each in payments]
    found = audit.discrepancies({"o1": order(state)}, paid, {"o1": entries})
    assert (found == []) == fine


class Counter503:
    """A shop that rejects the first requests, and records their keys."""

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
    """The traffic of one order, after its end."""
    flow = traffic.Traffic(counter, CUSTOMER, PRODUCT)
    with flow:
        deadline = time.monotonic() + 10
        while not flow.placed and time.monotonic() < deadline:
            time.sleep(0.01)
    return flow


def test_a_rejected_order_is_retried_with_the_same_key(monkeypatch):
    monkeypatch.setattr(traffic, "PAUSE_SECONDS", 0)
    counter = Counter503(503, 503)
    flow = placed_by(counter)
    first = counter.keys[0]
    assert counter.keys[:3] == [first] * 3
    assert flow.placed[first] == f"order of {first}"
    assert flow.told == "2 × status 503"


def test_an_invalid_order_is_not_retried(monkeypatch):
    monkeypatch.setattr(traffic, "PAUSE_SECONDS", 0)
    counter = Counter503(422)
    flow = placed_by(counter)
    assert flow.placed[counter.keys[0]] == ""
    assert counter.keys.count(counter.keys[0]) == 1


def test_a_misspelt_word_lacks_one_letter():
    word = shop.new_word()
    assert len(set(word.lower())) == len(word)
    assert len(shop.misspelt(word)) == len(word) - 1


def test_an_image_is_a_unique_png():
    picture = shop.new_picture(4)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    data = picture[picture.index(b"IDAT") + 4 :]
    assert len(zlib.decompressobj().decompress(data)) == 4 * (1 + 3 * 4)
    assert picture != shop.new_picture(4)


# Figures


def test_a_series_has_quantiles():
    series = load.Series([value / 1000 for value in range(100, 0, -1)])
    assert series.quantile(0.95) == pytest.approx(0.096)
    assert series.document()["median"] == pytest.approx(0.0505)
    assert "median 51 ms, 95 % within 96 ms, slowest 100 ms" in str(series)


def test_a_series_of_errors_has_no_times():
    series = load.Series([], Counter({"GET /x: 503": 2}))
    assert series.document() == {"count": 0, "errors": {"GET /x: 503": 2}}
    assert str(series) == "0 answered, errors: 2 × GET /x: 503"


@pytest.mark.parametrize(("errors", "lost", "good"), [({}, 0, True), ({"503": 1}, 0, False), ({}, 1, False)])
def test_a_load_passes_without_errors_and_lost_orders(errors, lost, good):
    found = load.Load({"product": load.Series([0.1], Counter(errors))}, load.Series([0.1]), lost)
    assert found.good is good
    assert found.document()["reads"] == found.document()["reads_of"]["product"]


def test_a_slow_response_does_not_reduce_the_rate():
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


def test_a_programming_error_is_not_an_error_of_the_platform():
    with pytest.raises(ZeroDivisionError):
        load.paced({"act": lambda: 1 / 0}, rate=50, seconds=0.02)
