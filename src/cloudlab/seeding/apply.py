"""Make what a plan holds: what rests on nothing first, each kind side by side with a bounded number of threads."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

from cloudlab.seeding import plan as planning
from cloudlab.seeding.content import Content, Order, Product, User
from cloudlab.seeding.gateway import Account
from cloudlab.seeding.plan import Delivery, Plan
from cloudlab.seeding.shop import Shop

Item = TypeVar("Item")
Result = TypeVar("Result")

PROGRESS_SECONDS = 5  # between two lines about the same kind
SETTLE_SECONDS = 0.2  # between two looks at what follows by events


class Seeding:
    """One seeding of a platform. ``say`` tells a person how far it is.

    ``made`` counts what was made, by kind; ``outcomes`` the states that the new orders ended in.
    """

    def __init__(self, shop: Shop, content: Content, password: str, threads: int, say: Callable[[str], None]):
        self.shop, self.content, self.say = shop, content, say
        self.made: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self._password, self._threads = password, threads
        self._owners = {tenant: self._account(user.email) for tenant, user in content.founders.items()}

    def plan(self) -> Plan:
        """What the platform lacks."""
        with self._pool() as pool:
            held = self.shop.holdings(pool)
            skus = planning.doubtful(self.content, held)
            levels = dict(zip(skus, pool.map(self.shop.levels, skus), strict=True))
        return planning.plan(self.content, replace(held, levels=levels))

    def apply(self, plan: Plan) -> None:
        """Make it. Raises gateway.SeedError at the first failure; a repetition goes on from there."""
        for category in plan.categories:  # a parent before its children
            self.shop.put_category(category)
            self.made["categories"] += 1
        for code, name in plan.warehouses.items():
            self.shop.put_warehouse(code, name)
            self.made["warehouses"] += 1
        try:
            self._people(plan.users)
            self._goods(plan.products, plan.deliveries)
        finally:
            for owner in self._owners.values():
                owner.close()
        for states in self._each("customers have ordered", by_customer(plan.orders), self._buy):
            self.made["orders"] += len(states)
            self.outcomes.update(states)

    def settle(self, before: tuple[int, int], timeout: float) -> list[str]:
        """Wait until search and analytics have heard of everything; what they lack when the time is over.

        :param before: what both knew before, see :meth:`shop.Shop.heard`.
        """
        begun = told = time.monotonic()
        while (missing := self._unheard(before)) and (now := time.monotonic()) < begun + timeout:
            if now - told >= PROGRESS_SECONDS:
                told = now
                self.say(f"waiting: {'; '.join(missing)}")
            time.sleep(SETTLE_SECONDS)
        return missing

    def _unheard(self, before: tuple[int, int]) -> list[str]:
        wanted = before[0] + self.made["products"], before[1] + self.made["orders"]
        seen = self.shop.heard()
        texts = "search finds {} products of {}", "analytics has counted {} orders of {}"
        return [text.format(*pair) for text, *pair in zip(texts, seen, wanted, strict=True) if pair[0] < pair[1]]

    def _people(self, users: Iterable[User]) -> None:
        """Founders first: they invite the others."""
        founders = [user for user in users if user.founder]
        others = [user for user in users if not user.founder]
        for title, group in ("tenants have an owner", founders), ("users are registered", others):
            self.made["users"] += sum(self._each(title, group, self._register))

    def _goods(self, products: Iterable[Product], deliveries: Iterable[Delivery]) -> None:
        for delivered in self._each("products are in the catalogue and in stock", products, self._create):
            self.made["products"] += delivered > 0
            self.made["deliveries"] += delivered
        self.made["deliveries"] += sum(self._each("deliveries are made up for", deliveries, self._deliver))

    def _register(self, user: User) -> int:
        owner = None if user.founder else self._owners.get(user.tenant)
        return int(self.shop.register(user, self._password, owner))

    def _create(self, product: Product) -> int:
        """The number of deliveries, 0 when the product was there."""
        if not self.shop.create(product, self._owners[product.tenant]):
            return 0
        return sum(self._deliver(delivery) for delivery in planning.deliveries_of([product]))

    def _deliver(self, delivery: Delivery) -> int:
        self.shop.stock(delivery.sku, delivery.warehouse, delivery.pieces)
        return 1

    def _buy(self, orders: list[tuple[int, Order]]) -> list[str]:
        """Place the orders of one customer, one after the other; the states that the new ones are in."""
        buyer = self._account(orders[0][1].email)
        try:
            states = [self.shop.place(order, number, buyer) for number, order in orders]
        finally:
            buyer.close()
        return [state for state in states if state]

    def _account(self, email: str) -> Account:
        return Account(self.shop.gateway, email, self._password)

    def _pool(self) -> Executor:
        return ThreadPoolExecutor(self._threads)

    def _each(self, what: str, items: Iterable[Item], do: Callable[[Item], Result]) -> Iterator[Result]:
        """What `do` returns for each item, as they end; the first failure ends it all."""
        items = list(items)
        begun = time.monotonic()
        pool = self._pool()
        try:
            waiting: set[Future[Result]] = {pool.submit(do, item) for item in items}
            while waiting:
                done, waiting = wait(waiting, PROGRESS_SECONDS, "FIRST_EXCEPTION")
                for future in done:
                    yield future.result()
                if waiting:
                    self.say(f"{len(items) - len(waiting)} of {len(items)} {what}")
        finally:
            pool.shutdown(cancel_futures=True)
        if items:
            self.say(f"{len(items)} {what} ({time.monotonic() - begun:.1f} s)")


def by_customer(orders: Iterable[tuple[int, Order]]) -> list[list[tuple[int, Order]]]:
    """The numbered orders of each customer; who orders most comes first, so that nobody is left over at the end."""
    customers: dict[str, list[tuple[int, Order]]] = {}
    for number, order in orders:
        customers.setdefault(order.email, []).append((number, order))
    return sorted(customers.values(), key=len, reverse=True)
