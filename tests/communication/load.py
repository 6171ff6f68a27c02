"""How fast the platform is through its gateway: one saga after the other, and under a constant rate of requests."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from communication.gateway import Unexpected, Unreachable
from communication.proof import Proof
from communication.shop import Account, Order, Product, new_picture
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
    """What a constant rate led to.

    reads: what was looked at -> how that went. lost: orders that were accepted and are not confirmed afterwards.
    """

    reads: Mapping[str, Series]
    orders: Series
    lost: int

    @property
    def good(self) -> bool:
        """No error, and no lost order."""
        return not (together(self.reads.values()).errors or self.orders.errors or self.lost)

    def document(self) -> dict[str, Any]:
        """For programs; seconds."""
        return {
            "reads": together(self.reads.values()).document(),
            "reads_of": {kind: series.document() for kind, series in self.reads.items()},
            "orders": self.orders.document(),
            "lost": self.lost,
        }


def together(series: Iterable[Series]) -> Series:
    """Several series as one."""
    several = list(series)
    return Series(
        [value for each in several for value in each.seconds], sum((each.errors for each in several), Counter())
    )


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

    def order() -> None:
        accepted.append(Order.of(proof.shop.place(customer, product)).id)

    looks = _reads(proof, customer, product)
    for act in (*looks.values(), *[order] * WARM_UP):
        act()
    with ThreadPoolExecutor(2) as both:
        read = both.submit(paced, looks, reads, seconds)
        bought = both.submit(paced, {"order": order}, orders, seconds)
    return Load(read.result(), bought.result()["order"], _lost(proof, customer, accepted))


def _reads(proof: Proof, customer: Account, product: Product) -> dict[str, Callable[[], Any]]:
    """What people look at, each as one request."""
    shop, call = proof.shop, proof.shop.gateway.call
    media = shop.upload(proof.administrator, new_picture(64), subject=f"product:{product.id}")
    order = Order.of(shop.place(customer, proof.stocked_product()))
    return {
        "product": lambda: shop.product(product),
        "products": lambda: call("GET", "/api/v1/products", params={"category": "audio"}),
        "search": lambda: shop.search(product.name),
        "stock": lambda: shop.stock(customer, product),
        "picture": lambda: call("GET", f"/api/v1/media/{media['id']}/content"),
        "order": lambda: shop.order(customer, order.id),
        "unread": lambda: call("GET", "/api/v1/notifications/unread-count", token=customer.token),
        "categories": lambda: call("GET", "/api/v1/categories"),
    }


def paced(acts: Mapping[str, Callable[[], Any]], rate: float, seconds: float) -> dict[str, Series]:
    """Call the acts in turn at a constant rate; name -> how that went. A call's time counts from when it was due."""
    names = list(acts)
    took: dict[str, list[float]] = {name: [] for name in names}
    errors: dict[str, Counter[str]] = {name: Counter() for name in names}
    begun = time.monotonic()

    def one(name: str, due: float) -> None:
        try:
            acts[name]()
        except (Unexpected, Unreachable) as error:
            errors[name][_kind(error)] += 1
        else:
            took[name].append(time.monotonic() - due)

    with ThreadPoolExecutor(CLIENTS) as clients:
        calls = []
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            calls.append(clients.submit(one, names[number % len(names)], due))
    for call in calls:
        call.result()  # raises what is a mistake of this program
    return {name: Series(took[name], errors[name]) for name in names}


def _kind(error: Unexpected | Unreachable) -> str:
    """What an error has in common with others of its kind."""
    if error.answer is None:
        return "no answer"
    detail = error.answer.problem.get("detail", "")
    return f"status {error.answer.status}" + (f" ({detail})" if detail else "")


def _lost(proof: Proof, customer: Account, accepted: Iterable[str]) -> int:
    """How many of the orders are not confirmed once all have settled."""

    def states() -> dict[str, str] | None:
        orders = {order["id"]: order["state"] for order in proof.shop.everything("/api/v1/orders", customer)}
        return orders if all(state in ("confirmed", "cancelled") for state in orders.values()) else None

    found = until(states, "all orders settle", SETTLE_SECONDS, outage=True, pause=0.5)
    return sum(found.get(order) != "confirmed" for order in accepted)
