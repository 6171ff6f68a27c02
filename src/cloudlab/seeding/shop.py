"""A shop platform's API in the words of the seed: what it holds, and how each kind of thing is made.

Natural keys make everything repeatable: e-mail addresses, slugs, codes and SKUs, and for orders an Idempotency-Key.
What turns out to be there already is no error: the lists follow the changes by a moment.
"""

import hashlib
import http.client
import json
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from cloudlab.seeding.content import Category, Order, Product, User
from cloudlab.seeding.gateway import Account, Gateway, RefusedError

WAIT_SECONDS = 10  # for the end of an order's saga, the most that the platform allows
HOURS = 24 * 366  # the longest that analytics looks back

Items = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Holdings:
    """What the platform holds. ``available``: pieces by SKU; ``levels``: the warehouses that know a SKU, for some.

    ``orders``: how often there is one of that customer with those items (see :func:`mark`).
    """

    emails: set[str] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)
    warehouses: set[str] = field(default_factory=set)
    available: dict[str, int] = field(default_factory=dict)
    levels: dict[str, set[str]] = field(default_factory=dict)
    orders: Counter[tuple[str, Items]] = field(default_factory=Counter)


def mark(email: str, items: Iterable[tuple[str, int]]) -> tuple[str, Items]:
    """What an order is recognised by."""
    return email, tuple(sorted(items))


class Shop:
    """A platform, seen by its administrator."""

    def __init__(self, gateway: Gateway, admin: Account):
        self.gateway, self.admin = gateway, admin

    # What it holds

    def holdings(self, pool: Executor) -> Holdings:
        """Everything but the levels; the lists are read side by side."""
        self.admin.token()  # a wrong password is said once
        emails, categories = pool.submit(self._emails), pool.submit(self._categories)
        warehouses, available = pool.submit(self._warehouses), pool.submit(self._available)
        orders = pool.submit(self._orders)
        return Holdings(
            emails.result(), categories.result(), warehouses.result(), available.result(), orders=orders.result()
        )

    def levels(self, sku: str) -> set[str]:
        """The warehouses that know the SKU, whatever they have left of it."""
        return {level["warehouse"] for level in self._get(f"/api/v1/inventory/{sku}/levels")["items"]}

    def heard(self) -> tuple[int, int]:
        """What those know who learn by events: products that search finds, orders that analytics has counted."""
        stages = self._get(f"/api/v1/analytics/funnel?hours={HOURS}")["items"]
        placed = next(stage["count"] for stage in stages if stage["name"] == "placed")
        return self._get("/api/v1/search?limit=1")["total"], placed

    def _emails(self) -> set[str]:
        return {user["email"] for user in self._pages("/api/v1/users")}

    def _categories(self) -> set[str]:
        return {category["slug"] for category in self._get("/api/v1/categories")["items"]}

    def _warehouses(self) -> set[str]:
        return {warehouse["code"] for warehouse in self._get("/api/v1/warehouses")["items"]}

    def _available(self) -> dict[str, int]:
        products = self._pages("/api/v1/products")
        return {variant["sku"]: variant["available"] for product in products for variant in product["variants"]}

    def _orders(self) -> Counter[tuple[str, Items]]:
        orders = self._pages("/api/v1/orders")
        return Counter(mark(o["email"], ((line["sku"], line["quantity"]) for line in o["lines"])) for o in orders)

    # How things are made

    def register(self, user: User, password: str, owner: Account | None) -> bool:
        """Make an account: of a founder with its tenant, of another by the invitation of its tenant's `owner`."""
        body = {"email": user.email, "password": password, "name": user.name, "phone": user.phone}
        if user.founder:
            body["tenant"] = user.tenant
        elif owner is not None:
            invited = self.gateway.call("POST", "/api/v1/auth/invitations", {"email": user.email}, token=owner.token())
            body["invitation"] = invited.body["invitation"]
        return self._make("/api/v1/auth/register", body, None)

    def put_category(self, category: Category) -> None:
        body = {"name": category.name} | ({"parent": category.parent} if category.parent else {})
        self.gateway.call("PUT", f"/api/v1/categories/{category.slug}", body, token=self.admin.token())

    def put_warehouse(self, code: str, name: str) -> None:
        self.gateway.call("PUT", f"/api/v1/warehouses/{code}", {"name": name}, token=self.admin.token())

    def create(self, product: Product, owner: Account) -> bool:
        """Make a product of the tenant of `owner`; one that was withdrawn is left withdrawn."""
        body = {
            "name": product.name,
            "description": product.description,
            "brand": product.brand,
            "category": product.category,
            "variants": [
                {"sku": variant.sku, "name": variant.name, "price": variant.price, "currency": "EUR"}
                for variant in product.variants
            ],
        }
        return self._make("/api/v1/products", body, owner)

    def stock(self, sku: str, warehouse: str, pieces: int) -> None:
        """Deliver to a warehouse. Not repeated when the answer is lost: it could count twice."""
        path = f"/api/v1/inventory/{sku}/adjustments"
        body = {"warehouse": warehouse, "delta": pieces}
        self.gateway.call("POST", path, body, token=self.admin.token(), repeatable=False)

    def place(self, order: Order, number: int, buyer: Account) -> str:
        """Place an order and see it through; the state it is in, and "" when it was there."""
        items = [{"sku": sku, "quantity": quantity} for sku, quantity in order.items]
        body = {"items": items, "card_token": order.card}
        headers = {"Idempotency-Key": key(number, body), "Prefer": f"wait={WAIT_SECONDS}"}
        answer = self.gateway.call("POST", "/api/v1/orders", body, token=buyer.token(), headers=headers)
        return "" if answer.headers.get("idempotent-replayed") else answer.body["state"]

    def _get(self, path: str) -> dict:
        return self.gateway.call("GET", path, token=self.admin.token()).body

    def _pages(self, path: str) -> Iterable[dict]:
        return self.gateway.pages(path, self.admin.token())

    def _make(self, path: str, body: dict, maker: Account | None) -> bool:
        """Whether it was made; not, when its natural key is taken."""
        try:
            self.gateway.call("POST", path, body, token=maker.token() if maker else None)
        except RefusedError as error:
            if error.status == http.client.CONFLICT:
                return False
            raise
        return True


def key(number: int, body: dict) -> str:
    """The Idempotency-Key of order `number`. With another content it is another order: keys are not used again."""
    content = json.dumps(body, sort_keys=True).encode()
    return f"seed-{number}-{hashlib.blake2b(content, digest_size=8).hexdigest()}"
