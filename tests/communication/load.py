"""How fast the platform is through its gateway: one saga after the other, and under a constant rate of requests."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from communication.gateway import Unexpected, Unreachable
from communication.proof import Proof
from communication.shop import Account, Order, new_picture
from communication.waiting import until

# Requests that can be under way at once. More than a platform that keeps up ever needs: a late one waits here, and its
# time counts from the moment it was due.
CLIENTS = 64
SETTLE_SECONDS = 60
# What is measured is not the first request ever made.
WARM_UP = 5


@dataclass(frozen=True)
class Series:
    """Requests of one kind: seconds each successful one took, and what the others ended with -> how often."""

    seconds: Sequence[float]
    errors: Counter[str] = field(default_factory=Counter)

    def quantile(self, part: float) -> float:
        """Seconds within which that part of the requests was answered."""
        return sorted(self.seconds)[min(int(part * len(self.seconds)), len(self.seconds) - 1)]

    def document(self) -> dict[str, Any]:
        """For programs; seconds."""
        figures = {"count": len(self.seconds), "errors": dict(self.errors)}
        if not self.seconds:
            return figures
        return figures | {
            "median": statistics.median(self.seconds),
            "p95": self.quantile(0.95),
            "p99": self.quantile(0.99),
            "max": max(self.seconds),
        }

    def __str__(self) -> str:
        failed = ", ".join(f"{count} × {what}" for what, count in self.errors.items())
        words = f"{len(self.seconds)} answered, errors: {failed or 'none'}"
        if not self.seconds:
            return words
        milliseconds = [1000 * value for value in (self.quantile(0.5), self.quantile(0.95), max(self.seconds))]
        return "{}; median {:.0f} ms, 95 % within {:.0f} ms, slowest {:.0f} ms".format(words, *milliseconds)


@dataclass(frozen=True)
class Load:
    """What a constant rate led to. `lost`: orders that were accepted and are not confirmed afterwards."""

    reads: Series
    orders: Series
    lost: int

    @property
    def good(self) -> bool:
        """No error, and no lost order."""
        return not (self.reads.errors or self.orders.errors or self.lost)

    def document(self) -> dict[str, Any]:
        """For programs; seconds."""
        return {"reads": self.reads.document(), "orders": self.orders.document(), "lost": self.lost}


def sagas(proof: Proof, count: int) -> Series:
    """Orders one after the other; seconds from each request to its confirmed order."""
    customer, product = proof.shop.register(), proof.stocked_product(pieces=count + WARM_UP)
    seconds, errors = [], Counter()
    for number in range(WARM_UP + count):
        answer = proof.shop.place(customer, product)
        order = Order.of(answer)
        if order.state != "confirmed":
            errors[order.reason or order.state] += 1
        elif number >= WARM_UP:
            seconds.append(answer.seconds)
    return Series(seconds, errors)


def constant(proof: Proof, seconds: float, reads: float, orders: float) -> Load:
    """That many reads and orders a second, for so long, whatever became of the earlier ones."""
    customer, product = proof.shop.register(), proof.stocked_product(pieces=int(seconds * orders) + WARM_UP)
    accepted: list[str] = []

    def order(_: int) -> None:
        answer = proof.shop.place(customer, product)
        accepted.append(Order.of(answer).id)

    looks = _reads(proof, customer, product)
    for number in range(max(WARM_UP, len(looks))):
        looks[number % len(looks)]()
    for number in range(WARM_UP):
        order(number)
    with ThreadPoolExecutor(2) as both:
        read = both.submit(paced, lambda number: looks[number % len(looks)](), reads, seconds)
        bought = both.submit(paced, order, orders, seconds)
    return Load(read.result(), bought.result(), _lost(proof, customer, accepted))


def _reads(proof: Proof, customer: Account, product: Any) -> list[Callable[[], Any]]:
    """What people look at, each as one request."""
    shop, call = proof.shop, proof.shop.gateway.call
    media = shop.upload(proof.administrator, new_picture(64), subject=f"product:{product.id}")
    order = Order.of(shop.place(customer, proof.stocked_product()))
    return [
        lambda: shop.product(product),
        lambda: call("GET", "/api/v1/products", params={"category": "audio"}),
        lambda: shop.search(product.name),
        lambda: shop.stock(customer, product),
        lambda: call("GET", f"/api/v1/media/{media['id']}/content"),
        lambda: shop.order(customer, order.id),
        lambda: call("GET", "/api/v1/notifications/unread-count", token=customer.token),
        lambda: call("GET", "/api/v1/categories"),
    ]


def paced(act: Callable[[int], Any], rate: float, seconds: float) -> Series:
    """Call `act` with 0, 1, … at a constant rate. The time of a call counts from when it was due."""
    took: list[float] = []
    errors: Counter[str] = Counter()
    begun = time.monotonic()

    def one(number: int) -> None:
        try:
            act(number)
        except (Unexpected, Unreachable) as error:
            errors[str(error.answer or error)] += 1
        else:
            took.append(time.monotonic() - begun - number / rate)

    with ThreadPoolExecutor(CLIENTS) as clients:
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))
            clients.submit(one, number)
    return Series(took, errors)


def _lost(proof: Proof, customer: Account, accepted: Iterable[str]) -> int:
    """How many of the orders are not confirmed once all have settled."""

    def states() -> dict[str, str] | None:
        orders = {order["id"]: order["state"] for order in proof.shop.everything("/api/v1/orders", customer)}
        return orders if all(state in ("confirmed", "cancelled") for state in orders.values()) else None

    found = until(states, "all orders settle", SETTLE_SECONDS, outage=True, pause=0.5)
    return sum(found.get(order) != "confirmed" for order in accepted)
