"""Orders that fail, or are sent back: everything that was taken is given back, in reverse."""

from __future__ import annotations

from communication.proof import PIECES, Proof
from communication.shop import DECLINED_CARD, SILENT_CARD, Account, Order, Product
from communication.waiting import until

WAY = ("order", "inventory", "payment")
# Three attempts of the provider's time-out, and the pauses between them.
SILENCE_SECONDS = 60


def declined(proof: Proof) -> None:
    """The payment provider refuses the card."""
    customer, product = _set_up(proof)
    with proof.check("an order with a card that is declined is cancelled", *WAY) as note:
        order = proof.settled(customer, Order.of(proof.shop.place(customer, product, card=DECLINED_CARD)))
        _assert_cancelled(order, "declined", ("pending", "reserved", "releasing", "cancelled"))
        note.text = f"{order.way}; {order.reason}"
    _assert_compensated(proof, customer, product, order, "declined")


def timeout(proof: Proof) -> None:
    """The payment provider does not answer."""
    customer, product = _set_up(proof)
    with proof.check("an order whose payment times out is cancelled", *WAY) as note:
        placed = Order.of(proof.shop.place(customer, product, card=SILENT_CARD))
        order = proof.settled(customer, placed, SILENCE_SECONDS)
        _assert_cancelled(order, "does not answer", ("pending", "reserved", "refunding", "releasing", "cancelled"))
        note.text = f"{order.way}; {order.reason}"
    _assert_compensated(proof, customer, product, order, "voided")


def sold_out(proof: Proof) -> None:
    """More is ordered than there is."""
    customer, product = _set_up(proof, pieces=1)
    with proof.check("an order of more than there is is cancelled before anything is paid", *WAY) as note:
        order = proof.settled(customer, Order.of(proof.shop.place(customer, product, quantity=2)))
        _assert_cancelled(order, "", ("pending", "releasing", "cancelled"))
        assert not proof.shop.payments(customer, order), "there is a payment"
        note.text = f"{order.way}; {order.reason}"
    _assert_restocked(proof, customer, product, 1)


def sent_back(proof: Proof) -> None:
    """The customer cancels what was confirmed: all three steps are undone."""
    customer, product = _set_up(proof)
    with proof.check("an order is confirmed", *WAY):
        order = proof.settled(customer, Order.of(proof.shop.place(customer, product)))
        assert order.state == "confirmed", f"{order.way}: {order.reason}"
    with proof.check("the customer cancels it", *WAY) as note:
        order = proof.settled(customer, proof.shop.cancel(customer, order))
        _assert_cancelled(
            order, "customer", ("pending", "reserved", "paid", "confirmed", "refunding", "releasing", "cancelled")
        )
        note.text = order.way
    _assert_compensated(proof, customer, product, order, "refunded")


def _set_up(proof: Proof, pieces: int = PIECES) -> tuple[Account, Product]:
    with proof.check("a customer, and a product in stock", "auth", "product", "inventory"):
        return proof.shop.register(), proof.stocked_product(pieces=pieces)


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
    with proof.check("the customer is told", *way, request_id=order.request_id) as note:
        (message,) = until(lambda: proof.shop.messages(customer, order, "order.cancelled"), "a message is in the inbox")
        note.text = message["title"]


def _assert_restocked(proof: Proof, customer: Account, product: Product, pieces: int) -> None:
    with proof.check("the stock is as before", "inventory"):
        stock = proof.shop.stock(customer, product)
        assert (stock["on_hand"], stock["reserved"]) == (pieces, 0), stock
