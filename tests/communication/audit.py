"""What has to be true of a customer's orders, whatever happened while they were placed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from communication.proof import Proof
from communication.shop import Order
from communication.traffic import Traffic
from communication.waiting import until

# After an accident consumers rejoin and services try again with growing pauses; only a fault takes longer.
SETTLE_SECONDS = 180

BOOK = """
    SELECT p.order_id::text, count(b.entry) FILTER (WHERE b.entry = 'charge') AS charges,
        count(b.entry) FILTER (WHERE b.entry = 'refund') AS refunds,
        coalesce(sum(b.amount) FILTER (WHERE b.entry = 'charge'), 0)::bigint AS charged
    FROM payment.payments p LEFT JOIN payment.provider_book b ON b.payment_id = p.id
    WHERE p.order_id = ANY(%s::uuid[]) GROUP BY p.order_id
"""


@dataclass(frozen=True)
class Entries:
    """What the payment provider's own book says of one order's payment: numbers of entries, and cents charged."""

    charges: int = 0
    refunds: int = 0
    charged: int = 0


def audit(proof: Proof, traffic: Traffic, pieces: int) -> None:
    """Everything about the traffic's orders, checked. pieces: of the product, before the first order."""
    orders = _find(proof, traffic)
    _money(proof, traffic, orders)
    _stock(proof, traffic, orders, pieces)
    _news(proof, traffic, orders)


def _find(proof: Proof, traffic: Traffic) -> dict[str, Order]:
    check, shop, customer = proof.check, proof.shop, traffic.customer
    with check("every order was accepted in the end", "order") as it:
        assert "" not in traffic.placed.values(), f"{list(traffic.placed.values()).count('')} were not"
        it.note = f"{len(traffic.placed)} orders; refused attempts: {traffic.told}"
    with check("all of them settle", "order", "inventory", "payment") as it:
        orders = until(
            lambda: _settled(shop.everything("/api/v1/orders", customer), traffic.accepted),
            "every accepted order is confirmed or cancelled",
            SETTLE_SECONDS,
            outage=True,
            pause=0.5,
        )
        it.note = _in_words(Counter(order.state for order in orders.values()))
    with check("each key stands for exactly one order", "order") as it:
        assert len(set(traffic.accepted)) == len(traffic.placed), "two keys stand for the same order"
        surplus = orders.keys() - set(traffic.accepted)
        assert not surplus, f"orders that nobody was told of: {sorted(surplus)}"
        it.note = "no order is lost, none was made twice"
    return orders


def _settled(listed: Iterable[Mapping[str, Any]], accepted: list[str]) -> dict[str, Order] | None:
    """The customer's orders by id, once those that were accepted are there and all have ended."""
    orders = {body["id"]: Order.read(dict(body)) for body in listed}
    complete = orders.keys() >= set(accepted) and all(order.settled for order in orders.values())
    return orders if complete else None


def _money(proof: Proof, traffic: Traffic, orders: Mapping[str, Order]) -> None:
    with proof.check("nobody was charged twice: payments and the provider's book agree", "payment") as it:
        payments = proof.shop.everything("/api/v1/payments", traffic.customer)
        book = read_book(proof.instance.database, orders)
        wrong = discrepancies(orders, payments, book)
        assert not wrong, f"{len(wrong)} disagree: {'; '.join(wrong[:5])}"
        it.note = _in_words(Counter(payment["state"] for payment in payments))


def read_book(database: str, orders: Iterable[str]) -> dict[str, Entries]:
    """Order id -> what the provider's book says of its payment; for those that have a payment."""
    with psycopg.connect(database, connect_timeout=10) as connection:
        rows = connection.execute(BOOK, [list(orders)]).fetchall()
    return {order: Entries(*entries) for order, *entries in rows}


def discrepancies(
    orders: Mapping[str, Order], payments: Iterable[Mapping[str, Any]], book: Mapping[str, Entries]
) -> list[str]:
    """A line for each order whose payment is not as its state demands."""
    by_order: dict[str, list[Mapping[str, Any]]] = {}
    for payment in payments:
        by_order.setdefault(payment["order_id"], []).append(payment)
    found = []
    for order in orders.values():
        states = [payment["state"] for payment in by_order.get(order.id, [])]
        entries = book.get(order.id, Entries())
        if not _agree(order, states, entries):
            found.append(f"order {order.id} is {order.state}, its payments are {states}, the book says {entries}")
    return found


def _agree(order: Order, states: list[str], entries: Entries) -> bool:
    if order.state == "confirmed":
        return states == ["approved"] and entries == Entries(1, 0, order.total)
    given_back = entries.charges == entries.refunds <= 1
    return given_back and (states in ([], ["declined"], ["voided"], ["refunded"]))


def _stock(proof: Proof, traffic: Traffic, orders: Mapping[str, Order], pieces: int) -> None:
    with proof.check("the stock agrees, and nothing stays reserved", "inventory") as it:
        sold = sum(order.state == "confirmed" for order in orders.values())
        stock = proof.shop.stock(traffic.customer, traffic.product)
        assert (stock["on_hand"], stock["reserved"]) == (pieces - sold, 0), f"{stock} after {sold} of {pieces}"
        it.note = f"{sold} sold, {stock['on_hand']} left of {pieces}"


def _news(proof: Proof, traffic: Traffic, orders: Mapping[str, Order]) -> None:
    expected = {(order.id, f"order.{order.state}") for order in orders.values()}
    way = ("order", "kafka", "notification", "user")
    with proof.check("the customer was told of each, once", *way):
        told = until(
            lambda: _told(proof, traffic, expected), "there is a message about every order", SETTLE_SECONDS, outage=True
        )
        twice = [subject for subject, count in told.items() if subject in expected and count > 1]
        assert not twice, f"told more than once: {twice}"
    way = ("order", "kafka", "analytics", "clickhouse")
    with proof.check("analytics has counted each, once", *way):
        counted: Counter[tuple[str, str]] = Counter()
        until(
            lambda: _all_counted(proof, expected, counted), "every order's end is counted", SETTLE_SECONDS, outage=True
        )
        twice = [subject for subject in expected if counted[subject] != 1]
        assert not twice, f"counted more than once: {twice}"


def _told(proof: Proof, traffic: Traffic, expected: set[tuple[str, str]]) -> Counter[tuple[str, str]] | None:
    inbox = proof.shop.everything("/api/v1/notifications", traffic.customer)
    told = Counter((message["subject_id"], message["kind"]) for message in inbox)
    return told if told.keys() >= expected else None


def _all_counted(proof: Proof, expected: set[tuple[str, str]], counted: Counter[tuple[str, str]]) -> bool:
    """Ask for those that are not among `counted` yet."""
    for order, kind in sorted(expected - counted.keys()):
        rows = proof.shop.recorded(proof.administrator, order)
        count = sum(row["type"] == kind for row in rows)
        if not count:
            return False
        counted[order, kind] = count
    return True


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
