"""The context of every journey."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from communication.calls import OrderCalls
from communication.containers import Containers
from communication.instance import Instance
from communication.report import Report
from communication.shop import Account, Order, Product, Shop
from communication.waiting import DEADLINE_SECONDS, NotInTime, until

PIECES = 1000
# Less than the lifetime of an access token.
LOGIN_SECONDS = 300


@dataclass
class Proof:
    """The instance, clients for its platform, and the report."""

    instance: Instance
    containers: Containers
    report: Report
    shop: Shop
    calls: OrderCalls
    _administrator: Account | None = None
    _logged_in: float = 0

    @property
    def check(self):
        """See Report.check."""
        return self.report.check

    @property
    def administrator(self) -> Account:
        """The platform's administrator, with a valid token."""
        if self._administrator is None or time.monotonic() - self._logged_in > LOGIN_SECONDS:
            self._administrator, self._logged_in = self.shop.administrator(), time.monotonic()
        return self._administrator

    def stocked_product(self, name: str = "Proof Headphones", pieces: int = PIECES) -> Product:
        """A new product in stock."""
        product = self.shop.create_product(self.administrator, name)
        self.shop.deliver(self.administrator, product, pieces)
        return product

    def settled(self, customer: Account, order: Order, seconds: float = DEADLINE_SECONDS) -> Order:
        """Wait until the order's saga has ended; keep the `request_id` of the request that placed it."""
        seen = [order]

        def ended() -> bool:
            if not seen[-1].settled:
                seen.append(self.shop.order(customer, order.id))
            return seen[-1].settled

        try:
            until(ended, "the saga ends", seconds)
        except NotInTime as error:
            last = seen[-1]
            raise NotInTime(f"{error}; the order is {last.state}: {last.reason or 'without a reason'}") from error
        return replace(seen[-1], request_id=order.request_id)
