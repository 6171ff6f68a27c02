"""A small constant load of orders. A failed request is retried with the same idempotency key until it is accepted."""

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

# How long a client retries, and its pause between two attempts.
RETRY_SECONDS = 120
PAUSE_SECONDS = 0.5
# Maximum number of concurrent orders, enough for an outage of half a minute.
CLIENTS = 100


@dataclass
class Traffic:
    """Orders of one piece each, `rate` per second, during the `with` block, which waits until all have ended.

    After an exception, it does not wait for orders that are still failing.
    """

    shop: Shop
    customer: Account
    product: Product
    rate: float = 2
    # Key -> the accepted order's ID, or "".
    placed: dict[str, str] = field(default_factory=dict)
    # Error -> number of failed attempts.
    errors: Counter[str] = field(default_factory=Counter)
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
            request.result()  # raises errors of the client itself

    def add(self, card: str) -> None:
        """Place one more order now, paid with that card."""
        self._requests.append(self._clients.submit(self._order, card))

    @property
    def accepted(self) -> list[str]:
        """IDs of the orders accepted so far."""
        return [order for order in list(self.placed.values()) if order]

    @property
    def failures(self) -> str:
        """The failed attempts as text."""
        return ", ".join(f"{count} × {what}" for what, count in sorted(self.errors.items())) or "none"

    def _flow(self) -> None:
        start, number = time.monotonic(), 0
        while not self._ended.wait(max(0.0, start + number / self.rate - time.monotonic())):
            self.add(GOOD_CARD)
            number += 1

    def _order(self, card: str) -> None:
        key = uuid.uuid4().hex
        self.placed[key] = ""
        deadline = time.monotonic() + RETRY_SECONDS
        while time.monotonic() < deadline and not self._abandoned.is_set():
            try:
                answer = self.shop.place(self.customer, self.product, card=card, wait=0, key=key)
            except (Unexpected, Unreachable) as error:
                self.errors[f"status {error.answer.status}" if error.answer else "no response"] += 1
                if not is_outage(error):
                    return
                self._abandoned.wait(PAUSE_SECONDS)
            else:
                self.placed[key] = Order.of(answer).id
                return
