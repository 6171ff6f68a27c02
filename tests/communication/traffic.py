"""A small constant load of orders, sent as a careful client sends them: again under the same key until accepted."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from communication.gateway import Unexpected, Unreachable
from communication.shop import GOOD_CARD, Account, Order, Product, Shop
from communication.waiting import is_outage

# How long a client goes on, and its pause between two attempts.
PATIENCE_SECONDS = 120
PAUSE_SECONDS = 0.5
# Orders that can be under way at once: those of an outage of half a minute, and some more.
CLIENTS = 100


@dataclass
class Traffic:
    """Orders of one piece each, `rate` per second, from `with` to its end; then all have been accepted or given up.

    Ended by an exception, it does not wait for those that are still being refused.
    """

    shop: Shop
    customer: Account
    product: Product
    rate: float = 2
    # Key -> the accepted order's id, "" for an order that nobody accepted.
    placed: dict[str, str] = field(default_factory=dict)
    # What refused attempts were told -> how often.
    refusals: Counter[str] = field(default_factory=Counter)
    _ended: threading.Event = field(default_factory=threading.Event)
    _abandoned: threading.Event = field(default_factory=threading.Event)
    _requests: list[Future[None]] = field(default_factory=list)

    def __enter__(self) -> Traffic:
        self._clients = ThreadPoolExecutor(CLIENTS)
        self._source = threading.Thread(target=self._flow)
        self._source.start()
        return self

    def __exit__(self, error: type | None, *_: object) -> None:
        self._ended.set()
        if error:
            self._abandoned.set()
        self._source.join()
        self._clients.shutdown()
        for request in self._requests:
            request.result()  # raises what is a mistake of the client itself

    def add(self, card: str) -> None:
        """One order more, at once, paid with that card."""
        self._requests.append(self._clients.submit(self._order, card))

    @property
    def accepted(self) -> list[str]:
        """Ids of the orders accepted so far."""
        return [order for order in list(self.placed.values()) if order]

    @property
    def told(self) -> str:
        """The refusals in words."""
        return ", ".join(f"{count} × {what}" for what, count in sorted(self.refusals.items())) or "none"

    def _flow(self) -> None:
        begun, number = time.monotonic(), 0
        while not self._ended.wait(max(0.0, begun + number / self.rate - time.monotonic())):
            self.add(GOOD_CARD)
            number += 1

    def _order(self, card: str) -> None:
        key = uuid.uuid4().hex
        self.placed[key] = ""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not self._abandoned.is_set():
            try:
                answer = self.shop.place(self.customer, self.product, card=card, wait=0, key=key)
            except (Unexpected, Unreachable) as error:
                self.refusals[f"status {error.answer.status}" if error.answer else "no answer"] += 1
                if not is_outage(error):
                    return
                self._abandoned.wait(PAUSE_SECONDS)
            else:
                self.placed[key] = Order.of(answer).id
                return
