"""Measure the platform through its gateway: sequential sagas, and a constant rate of requests."""

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

# Maximum number of concurrent requests, more than needed if the platform keeps up. The time of a request that has to
# wait counts from when it was due.
CLIENTS = 64
SETTLE_SECONDS = 60
# Requests before the measurement.
WARM_UP = 5


@dataclass(frozen=True)
class Series:
    """Requests of one kind: duration of each successful one in seconds, and error -> number of failed ones."""

    seconds: Sequence[float]
    errors: Counter[str] = field(default_factory=Counter)

    def quantile(self, part: float) -> float:
        """The quantile of the durations in seconds."""
        return sorted(self.seconds)[min(int(part * len(self.seconds)), len(self.seconds) - 1)]

    def document(self) -> dict[str, Any]:
        """For JSON; times in seconds."""
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
        text = f"{len(self.seconds)} answered, errors: {failed or 'none'}"
        if not self.seconds:
            return text
        milliseconds = [1000 * value for value in (self.quantile(0.5), self.quantile(0.95), max(self.seconds))]
        return "{}; median {:.0f} ms, 95 % within {:.0f} ms, slowest {:.0f} ms".format(text, *milliseconds)


@dataclass(frozen=True)
class Load:
    """The result of a constant rate of requests.

    reads: kind -> series. lost: number of accepted orders that were not confirmed.
    """

    reads: Mapping[str, Series]
    orders: Series
    lost: int

    @property
    def good(self) -> bool:
        """Whether there was no error and no lost order."""
        return not (together(self.reads.values()).errors or self.orders.errors or self.lost)

    def document(self) -> dict[str, Any]:
        """For JSON; times in seconds."""
        return {
            "reads": together(self.reads.values()).document(),
            "reads_of": {kind: series.document() for kind, series in self.reads.items()},
            "orders": self.orders.document(),
            "lost": self.lost,
        }


def together(series: Iterable[Series]) -> Series:
    """Merge several series."""
    several = list(series)
    return Series(
        [value for each in several for value in each.seconds], sum((each.errors for each in several), Counter())
    )


def sagas(proof: Proof, count: int) -> Series:
    """Place orders sequentially; measure from each request to its confirmed order."""
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
    """Send reads and orders at constant rates, independent of the earlier ones."""
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
    """Typical read requests."""
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
    """Call the acts in turn at a constant rate. The duration of a call counts from when it was due."""
    names = list(acts)
    durations: dict[str, list[float]] = {name: [] for name in names}
    errors: dict[str, Counter[str]] = {name: Counter() for name in names}
    start = time.monotonic()

    def one(name: str, due: float) -> None:
        try:
            acts[name]()
        except (Unexpected, Unreachable) as error:
            errors[name][_kind(error)] += 1
        else:
            durations[name].append(time.monotonic() - due)

    with ThreadPoolExecutor(CLIENTS) as clients:
        calls = []
        for number in range(int(rate * seconds)):
            due = start + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            calls.append(clients.submit(one, names[number % len(names)], due))
    for call in calls:
        call.result()  # raises errors of this program
    return {name: Series(durations[name], errors[name]) for name in names}


def _kind(error: Unexpected | Unreachable) -> str:
    """The category of an error."""
    if error.answer is None:
        return "no response"
    detail = error.answer.problem.get("detail", "")
    return f"status {error.answer.status}" + (f" ({detail})" if detail else "")


def _lost(proof: Proof, customer: Account, accepted: Iterable[str]) -> int:
    """How many accepted orders are not confirmed once all are final."""

    def states() -> dict[str, str] | None:
        orders = {order["id"]: order["state"] for order in proof.shop.everything("/api/v1/orders", customer)}
        return orders if all(state in ("confirmed", "cancelled") for state in orders.values()) else None

    found = until(states, "all orders reach a final state", SETTLE_SECONDS, outage=True, pause=0.5)
    return sum(found.get(order) != "confirmed" for order in accepted)
