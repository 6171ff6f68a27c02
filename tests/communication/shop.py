"""Operations on the platform, one request each. Only the status of the response is checked."""

from __future__ import annotations

import os
import random
import string
import struct
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from communication.gateway import Answer, Gateway

PASSWORD = "correct horse battery"
PRICE = 4999  # cents
PAGE = 100
# Longer than a saga takes, so that the response is the finished order.
WAIT_SECONDS = 10
FINAL = ("confirmed", "cancelled")

# Cards of the mocked payment provider.
GOOD_CARD = "tok_visa"
SLOW_CARD = "tok_slow"
DECLINED_CARD = "tok_declined"
TIMEOUT_CARD = "tok_timeout"


@dataclass(frozen=True)
class Account:
    """A user who is logged in. `request_id` is that of the registration."""

    id: str
    tenant: str
    email: str
    token: str
    request_id: str = ""


@dataclass(frozen=True)
class Product:
    """A product of one variant. `request_id` is that of its creation."""

    id: str
    sku: str
    name: str
    request_id: str


@dataclass(frozen=True)
class Order:
    """The state of an order. `request_id` is that of the request that returned it, "" in lists."""

    id: str
    state: str
    reason: str
    total: int
    history: tuple[str, ...]
    request_id: str

    @classmethod
    def of(cls, answer: Answer) -> Order:
        """The order in the body of a response."""
        body = answer.json()
        return cls.read(body, answer.request_id)

    @classmethod
    def read(cls, body: dict[str, Any], request_id: str = "") -> Order:
        """The order in decoded JSON."""
        history = tuple(transition["state"] for transition in body["history"])
        return cls(body["id"], body["state"], body.get("reason", ""), body["total"], history, request_id)

    @property
    def settled(self) -> bool:
        """Whether its saga has ended."""
        return self.state in FINAL

    @property
    def way(self) -> str:
        """Its states in order."""
        return " → ".join(self.history)


class Shop:
    """The platform behind a gateway."""

    def __init__(self, gateway: Gateway, login: tuple[str, str]):
        self.gateway = gateway
        self._login = login
        self._products: list[Product] = []

    # People

    def administrator(self) -> Account:
        """A new login of the platform's administrator."""
        return self.log_in(*self._login)

    def register(self, tenant: str = "") -> Account:
        """A new customer, logged in. With `tenant`, the owner of a new tenant."""
        email = f"proof-{uuid.uuid4().hex[:12]}@example.org"
        body = {"email": email, "password": PASSWORD, "name": "Ada Proof"} | ({"tenant": tenant} if tenant else {})
        answer = self.gateway.call("POST", "/api/v1/auth/register", json=body, expect={201})
        return self.log_in(email, PASSWORD, answer.request_id)

    def log_in(self, email: str, password: str, request_id: str = "") -> Account:
        """Log in and read the account."""
        body = {"email": email, "password": password}
        token = self.gateway.call("POST", "/api/v1/auth/login", json=body).json()["access_token"]
        user = self.gateway.call("GET", "/api/v1/auth/me", token=token).json()["user"]
        return Account(user["id"], user["tenant"], email, token, request_id)

    def has_profile(self, of: Account, seen_by: Account) -> bool:
        """Whether a user can read the profile of `of`."""
        answer = self.gateway.call("GET", f"/api/v1/users/{of.id}", token=seen_by.token, expect={200, 404})
        return answer.status == 200

    # The catalogue

    def create_product(self, owner: Account, name: str = "Proof Headphones") -> Product:
        """A new product without stock."""
        sku = f"PROOF-{uuid.uuid4().hex[:10]}"
        variant = {"sku": sku, "name": "black", "price": PRICE, "currency": "EUR"}
        body = {"name": name, "description": "Noise cancelling", "brand": "Auralux", "category": "audio"}
        answer = self.gateway.call(
            "POST", "/api/v1/products", token=owner.token, json=body | {"variants": [variant]}, expect={201}
        )
        product = Product(answer.json()["id"], sku, name, answer.request_id)
        self._products.append(product)
        return product

    def product(self, product: Product) -> dict[str, Any]:
        """The public product."""
        return self.gateway.call("GET", f"/api/v1/products/{product.id}").json()

    def search(self, text: str) -> dict[str, Any]:
        """Hits and facets."""
        return self.gateway.call("GET", "/api/v1/search", params={"q": text, "limit": PAGE}).json()

    def withdraw_everything(self) -> int:
        """Withdraw all created products. Return their number."""
        products, self._products = self._products, []
        token = self.administrator().token if products else ""
        for product in products:
            self.gateway.call("DELETE", f"/api/v1/products/{product.id}", token=token, expect={204})
        return len(products)

    # Stock

    def deliver(self, owner: Account, product: Product, pieces: int) -> dict[str, int]:
        """Add pieces to the stock. Return the new stock."""
        path = f"/api/v1/inventory/{product.sku}/adjustments"
        return self.gateway.call("POST", path, token=owner.token, json={"delta": pieces}).json()

    def stock(self, customer: Account, product: Product) -> dict[str, int]:
        """{"on_hand", "reserved", "available", …}"""
        return self.gateway.call("GET", f"/api/v1/inventory/{product.sku}", token=customer.token).json()

    # Orders

    def place(
        self,
        customer: Account,
        product: Product,
        quantity: int = 1,
        card: str = GOOD_CARD,
        wait: int = WAIT_SECONDS,
        key: str = "",
    ) -> Answer:
        """Place an order and wait up to `wait` seconds for the end of its saga. `key` is the idempotency key."""
        headers = {"prefer": f"wait={wait}"} | ({"idempotency-key": key} if key else {})
        body = {"items": [{"sku": product.sku, "quantity": quantity}], "card_token": card}
        return self.gateway.call(
            "POST", "/api/v1/orders", token=customer.token, json=body, headers=headers, expect={201, 202}
        )

    def order(self, customer: Account, order_id: str) -> Order:
        """The current order."""
        return Order.of(self.gateway.call("GET", f"/api/v1/orders/{order_id}", token=customer.token))

    def cancel(self, customer: Account, order: Order) -> Order:
        """Cancel a confirmed order."""
        path = f"/api/v1/orders/{order.id}/cancel"
        return Order.of(self.gateway.call("POST", path, token=customer.token, expect={202}))

    def payments(self, customer: Account, order: Order) -> list[dict[str, Any]]:
        """The customer's payments of an order."""
        params = {"order_id": order.id}
        return self.gateway.call("GET", "/api/v1/payments", token=customer.token, params=params).json()["items"]

    def messages(self, customer: Account, order: Order, kind: str) -> list[dict[str, Any]]:
        """The messages of one kind (order.confirmed, …) about an order."""
        inbox = self.gateway.call("GET", "/api/v1/notifications", token=customer.token, params={"limit": PAGE}).json()
        return [item for item in inbox["items"] if item["subject_id"] == order.id and item["kind"] == kind]

    def everything(self, path: str, customer: Account) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        return [item for page in self._pages(path, customer) for item in page["items"]]

    def _pages(self, path: str, customer: Account) -> Iterator[dict[str, Any]]:
        params: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self.gateway.call("GET", path, token=customer.token, params=params).json()
            yield page
            if "next_cursor" not in page:
                return
            params = params | {"cursor": page["next_cursor"]}

    # Media

    def upload(self, owner: Account, picture: bytes, **description: str) -> dict[str, Any]:
        """Upload a picture; `description`: subject, filename, alt, visibility."""
        answer = self.gateway.call(
            "POST", "/api/v1/media", token=owner.token, data=picture, params=description, expect={201}
        )
        return answer.json() | {"request_id": answer.request_id}

    # Figures

    def recorded(self, administrator: Account, aggregate: str) -> list[dict[str, Any]]:
        """The events of an aggregate in analytics."""
        params = {"of": aggregate, "limit": PAGE}
        path = "/api/v1/analytics/events"
        return self.gateway.call("GET", path, token=administrator.token, params=params).json()["items"]

    def summary(self, administrator: Account) -> dict[str, int]:
        """Orders and revenue of the last day."""
        return self.gateway.call("GET", "/api/v1/analytics/summary", token=administrator.token).json()


def new_word() -> str:
    """A random capitalized word."""
    return "".join(random.sample(string.ascii_lowercase, 12)).capitalize()


def misspelt(word: str) -> str:
    """The word without its fifth letter."""
    return word[:4] + word[5:]


def new_picture(side: int = 16) -> bytes:
    """A unique PNG of random pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + os.urandom(3 * side) for _ in range(side))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )
