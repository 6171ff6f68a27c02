"""Orders that fail, or are sent back: everything that was taken is given back, in reverse."""

from __future__ import annotations

from typing import Any

from communication.proof import PIECES, Proof
from communication.report import Check
from communication.shop import DECLINED_CARD, SILENT_CARD, Account, Order, Product
from communication.waiting import until

WAY = ("order", "inventory", "payment")
# The payment provider is asked three times, and each time waited for.
SILENCE_SECONDS = 60


def declined(proof: Proof) -> None:
    """The payment provider refuses the card."""
    customer, product = _set_up(proof)
    with proof.check("an order with a card that is declined is cancelled", *WAY) as it:
        order = _ended(proof, it, customer, product, card=DECLINED_CARD)
        _assert_cancelled(order, "declined", ("pending", "reserved", "releasing", "cancelled"))
        it.note = f"{order.way}; {order.reason}"
    _assert_compensated(proof, customer, product, order, "declined")


def timeout(proof: Proof) -> None:
    """The payment provider does not respond."""
    customer, product = _set_up(proof)
    with proof.check("an order whose payment times out is cancelled", *WAY) as it:
        order = _ended(proof, it, customer, product, card=SILENT_CARD)
        _assert_cancelled(order, "does not respond", ("pending", "reserved", "refunding", "releasing", "cancelled"))
        it.note = f"{order.way}; {order.reason}"
    _assert_compensated(proof, customer, product, order, "voided")


def sold_out(proof: Proof) -> None:
    """More is ordered than there is."""
    customer, product = _set_up(proof, pieces=1)
    with proof.check("an order of more than there is is cancelled before anything is paid", "order", "inventory") as it:
        order = _ended(proof, it, customer, product, quantity=2)
        _assert_cancelled(order, "", ("pending", "releasing", "cancelled"))
        assert not proof.shop.payments(customer, order), "there is a payment"
        it.note = f"{order.way}; {order.reason}"
    _assert_restocked(proof, customer, product, 1)


def sent_back(proof: Proof) -> None:
    """The customer cancels what was confirmed: all three steps are undone."""
    customer, product = _set_up(proof)
    with proof.check("an order is confirmed", *WAY) as it:
        order = _ended(proof, it, customer, product)
        assert order.state == "confirmed", f"{order.way}: {order.reason}"
    with proof.check("the customer cancels it", *WAY) as it:
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
    """A new order once its saga has ended; the check goes on to be about the request that placed it."""
    placed = Order.of(proof.shop.place(customer, product, **basket))
    it.request_id = placed.request_id
    return proof.settled(customer, placed, SILENCE_SECONDS)


def _assert_cancelled(order: Order, reason: str, history: tuple[str, ...]) -> None:
    assert order.state == "cancelled", f"it is {order.state}: {order.way}"
    assert order.history == history, f"it went {order.way}"
    assert reason in order.reason, f"the reason is {order.reason!r}"


def _assert_compensated(proof: Proof, customer: Account, product: Product, order: Order, payment: str) -> None:
    with proof.check(f"its payment is {payment}", "payment", request_id=order.request_id):
        (found,) = proof.shop.payments(customer, order) or [{}]
        assert found.get("state") == payment, found
    _assert_restocked(proof, customer, product, PIECES)
    way = ("order", "kafka", "notification", "user")
    with proof.check("the customer is told", *way, request_id=order.request_id) as it:
        (message,) = until(lambda: proof.shop.messages(customer, order, "order.cancelled"), "a message is in the inbox")
        it.note = message["title"]


def _assert_restocked(proof: Proof, customer: Account, product: Product, pieces: int) -> None:
    with proof.check("the stock is as before", "inventory"):
        stock = proof.shop.stock(customer, product)
        assert (stock["on_hand"], stock["reserved"]) == (pieces, 0), stock
