"""Orders that fail, or are sent back: everything that was taken is given back, in reverse."""

from __future__ import annotations

from typing import Any

from communication.proof import PIECES, Proof
from communication.report import Check
from communication.shop import DECLINED_CARD, TIMEOUT_CARD, Account, Order, Product
from communication.waiting import until

PATH = ("order", "inventory", "payment")
# The saga waits three times for the payment provider.
TIMEOUT_SECONDS = 60


def declined(proof: Proof) -> None:
    """The payment provider declines the card."""
    customer, product = _set_up(proof)
    with proof.check("an order with a declined card is cancelled", *PATH) as it:
        order = _ended(proof, it, customer, product, card=DECLINED_CARD)
        _assert_cancelled(order, "declined", ("pending", "reserved", "releasing", "cancelled"))
        it.note = f"{order.way}; {order.reason}"
    _assert_compensated(proof, customer, product, order, "declined")


def timeout(proof: Proof) -> None:
    """The payment provider does not respond."""
    customer, product = _set_up(proof)
    with proof.check("an order whose payment times out is cancelled", *PATH) as it:
        order = _ended(proof, it, customer, product, card=TIMEOUT_CARD)
        _assert_cancelled(order, "does not respond", ("pending", "reserved", "refunding", "releasing", "cancelled"))
        it.note = f"{order.way}; {order.reason}"
    _assert_compensated(proof, customer, product, order, "voided")


def sold_out(proof: Proof) -> None:
    """An order exceeds the stock."""
    customer, product = _set_up(proof, pieces=1)
    with proof.check("an order that exceeds the stock is cancelled before the payment", "order", "inventory") as it:
        order = _ended(proof, it, customer, product, quantity=2)
        _assert_cancelled(order, "", ("pending", "releasing", "cancelled"))
        assert not proof.shop.payments(customer, order), "there is a payment"
        it.note = f"{order.way}; {order.reason}"
    _assert_restocked(proof, customer, product, 1)


def sent_back(proof: Proof) -> None:
    """The customer cancels a confirmed order: all three steps are compensated."""
    customer, product = _set_up(proof)
    with proof.check("an order is confirmed", *PATH) as it:
        order = _ended(proof, it, customer, product)
        assert order.state == "confirmed", f"{order.way}: {order.reason}"
    with proof.check("the customer cancels the order", *PATH) as it:
        order = proof.settled(customer, proof.shop.cancel(customer, order))
        _assert_cancelled(
            order, "customer", ("pending", "reserved", "paid", "confirmed", "refunding", "releasing", "cancelled")
        )
        it.note = order.way
    _assert_compensated(proof, customer, product, order, "refunded")


def _set_up(proof: Proof, pieces: int = PIECES) -> tuple[Account, Product]:
    with proof.check("a customer, and a product in stock", "auth", "product", "inventory"):
        return proof.shop.register(), proof.stocked_product(pieces=pieces)


def _ended(proof: Proof, it: Check, customer: Account, product: Product, **basket: Any) -> Order:
    """Place an order and wait for the end of its saga; the check then refers to that request."""
    placed = Order.of(proof.shop.place(customer, product, **basket))
    it.request_id = placed.request_id
    return proof.settled(customer, placed, TIMEOUT_SECONDS)


def _assert_cancelled(order: Order, reason: str, history: tuple[str, ...]) -> None:
    assert order.state == "cancelled", f"it is {order.state}: {order.way}"
    assert order.history == history, f"its states were {order.way}"
    assert reason in order.reason, f"the reason is {order.reason!r}"


def _assert_compensated(proof: Proof, customer: Account, product: Product, order: Order, payment: str) -> None:
    with proof.check(f"its payment is {payment}", "payment", request_id=order.request_id):
        (found,) = proof.shop.payments(customer, order) or [{}]
        assert found.get("state") == payment, found
    _assert_restocked(proof, customer, product, PIECES)
    path = ("order", "kafka", "notification", "user")
    with proof.check("the customer is notified", *path, request_id=order.request_id) as it:
        (message,) = until(lambda: proof.shop.messages(customer, order, "order.cancelled"), "a message arrives")
        it.note = message["title"]


def _assert_restocked(proof: Proof, customer: Account, product: Product, pieces: int) -> None:
    with proof.check("the stock is unchanged", "inventory"):
        stock = proof.shop.stock(customer, product)
        assert (stock["on_hand"], stock["reserved"]) == (pieces, 0), stock
