"""Invariants of a customer's orders that must hold after any failure."""

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

# After a failure, consumers rejoin and services retry with a backoff; only a bug takes longer.
SETTLE_SECONDS = 180

ENTRIES_QUERY = """
    SELECT p.order_id::text, count(b.entry) FILTER (WHERE b.entry = 'charge') AS charges,
        count(b.entry) FILTER (WHERE b.entry = 'refund') AS refunds,
        coalesce(sum(b.amount) FILTER (WHERE b.entry = 'charge'), 0)::bigint AS charged
    FROM payment.payments p LEFT JOIN payment.provider_book b ON b.payment_id = p.id
    WHERE p.order_id = ANY(%s::uuid[]) GROUP BY p.order_id
"""


@dataclass(frozen=True)
class Entries:
    """The payment provider's records of one order's payment: number of entries, and cents charged."""

    charges: int = 0
    refunds: int = 0
    charged: int = 0


def audit(proof: Proof, traffic: Traffic, pieces: int) -> None:
    """Check all invariants of the traffic's orders. pieces: initial stock of the product."""
    orders = _find(proof, traffic)
    _money(proof, traffic, orders)
    _stock(proof, traffic, orders, pieces)
    _notifications(proof, traffic, orders)


def _find(proof: Proof, traffic: Traffic) -> dict[str, Order]:
    check, shop, customer = proof.check, proof.shop, traffic.customer
    with check("every order was accepted", "order") as it:
        assert "" not in traffic.placed.values(), f"{list(traffic.placed.values()).count('')} were not"
        it.note = f"{len(traffic.placed)} orders; failed attempts: {traffic.failures}"
    with check("all orders reach a final state", "order", "inventory", "payment") as it:
        orders = until(
            lambda: _settled(shop.everything("/api/v1/orders", customer), traffic.accepted),
            "every accepted order is confirmed or cancelled",
            SETTLE_SECONDS,
            outage=True,
            pause=0.5,
        )
        it.note = _summary(Counter(order.state for order in orders.values()))
    with check("each idempotency key has exactly one order", "order") as it:
        assert len(set(traffic.accepted)) == len(traffic.placed), "two keys have the same order"
        surplus = orders.keys() - set(traffic.accepted)
        assert not surplus, f"orders without a response: {sorted(surplus)}"
        it.note = "no order is lost or duplicated"
    return orders


def _settled(listed: Iterable[Mapping[str, Any]], accepted: list[str]) -> dict[str, Order] | None:
    """The customer's orders by ID, once all accepted ones are listed and final."""
    orders = {body["id"]: Order.read(dict(body)) for body in listed}
    complete = orders.keys() >= set(accepted) and all(order.settled for order in orders.values())
    return orders if complete else None


def _money(proof: Proof, traffic: Traffic, orders: Mapping[str, Order]) -> None:
    with proof.check("nobody was charged twice: payments and the provider's records match", "payment") as it:
        payments = proof.shop.everything("/api/v1/payments", traffic.customer)
        provider = provider_entries(proof.instance.database, orders)
        wrong = discrepancies(orders, payments, provider)
        assert not wrong, f"{len(wrong)} differ: {'; '.join(wrong[:5])}"
        it.note = _summary(Counter(payment["state"] for payment in payments))


def provider_entries(database: str, orders: Iterable[str]) -> dict[str, Entries]:
    """Order ID -> the provider's records of its payment, for orders with a payment."""
    with psycopg.connect(database, connect_timeout=10) as connection:
        rows = connection.execute(ENTRIES_QUERY, [list(orders)]).fetchall()
    return {order: Entries(*entries) for order, *entries in rows}


def discrepancies(
    orders: Mapping[str, Order], payments: Iterable[Mapping[str, Any]], provider: Mapping[str, Entries]
) -> list[str]:
    """A line for each order whose payment does not match its state."""
    by_order: dict[str, list[Mapping[str, Any]]] = {}
    for payment in payments:
        by_order.setdefault(payment["order_id"], []).append(payment)
    found = []
    for order in orders.values():
        states = [payment["state"] for payment in by_order.get(order.id, [])]
        entries = provider.get(order.id, Entries())
        if not _agree(order, states, entries):
            found.append(f"order {order.id} is {order.state}, its payments are {states}, the provider has {entries}")
    return found


def _agree(order: Order, states: list[str], entries: Entries) -> bool:
    if order.state == "confirmed":
        return states == ["approved"] and entries == Entries(1, 0, order.total)
    refunded = entries.charges == entries.refunds <= 1
    return refunded and (states in ([], ["declined"], ["voided"], ["refunded"]))


def _stock(proof: Proof, traffic: Traffic, orders: Mapping[str, Order], pieces: int) -> None:
    with proof.check("the stock matches, and nothing remains reserved", "inventory") as it:
        sold = sum(order.state == "confirmed" for order in orders.values())
        stock = proof.shop.stock(traffic.customer, traffic.product)
        assert (stock["on_hand"], stock["reserved"]) == (pieces - sold, 0), f"{stock} after {sold} of {pieces}"
        it.note = f"{sold} sold, {stock['on_hand']} left of {pieces}"


def _notifications(proof: Proof, traffic: Traffic, orders: Mapping[str, Order]) -> None:
    expected = {(order.id, f"order.{order.state}") for order in orders.values()}
    way = ("order", "kafka", "notification", "user")
    with proof.check("the customer has one notification per order", *way):
        sent = until(
            lambda: _sent(proof, traffic, expected), "every order has a notification", SETTLE_SECONDS, outage=True
        )
        twice = [subject for subject, count in sent.items() if subject in expected and count > 1]
        assert not twice, f"more than one notification: {twice}"
    way = ("order", "kafka", "analytics", "clickhouse")
    with proof.check("analytics counts each order once", *way):
        counted: Counter[tuple[str, str]] = Counter()
        until(lambda: _all_counted(proof, expected, counted), "every order is counted", SETTLE_SECONDS, outage=True)
        twice = [subject for subject in expected if counted[subject] != 1]
        assert not twice, f"counted more than once: {twice}"


def _sent(proof: Proof, traffic: Traffic, expected: set[tuple[str, str]]) -> Counter[tuple[str, str]] | None:
    inbox = proof.shop.everything("/api/v1/notifications", traffic.customer)
    sent = Counter((message["subject_id"], message["kind"]) for message in inbox)
    return sent if sent.keys() >= expected else None


def _all_counted(proof: Proof, expected: set[tuple[str, str]], counted: Counter[tuple[str, str]]) -> bool:
    """Query those that are not in `counted` yet."""
    for order, kind in sorted(expected - counted.keys()):
        rows = proof.shop.recorded(proof.administrator, order)
        count = sum(row["type"] == kind for row in rows)
        if not count:
            return False
        counted[order, kind] = count
    return True


def _summary(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
