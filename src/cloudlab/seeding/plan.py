"""What a platform lacks of a seed. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cloudlab.seeding.content import Category, Content, Order, Product, User, Variant
from cloudlab.seeding.shop import Holdings, mark


@dataclass(frozen=True)
class Delivery:
    """Pieces of a SKU for a warehouse that does not know it."""

    sku: str
    warehouse: str
    pieces: int


@dataclass(frozen=True)
class Plan:
    """What has to be made. The stock of new products comes with them; ``deliveries`` are for the others.

    ``orders`` with their numbers, which are part of their keys.
    """

    categories: tuple[Category, ...]
    warehouses: dict[str, str]
    users: tuple[User, ...]
    products: tuple[Product, ...]
    deliveries: tuple[Delivery, ...]
    orders: tuple[tuple[int, Order], ...]

    def counts(self) -> dict[str, int]:
        """How much of each kind."""
        return {
            "categories": len(self.categories),
            "warehouses": len(self.warehouses),
            "users": len(self.users),
            "products": len(self.products),
            "deliveries": len(self.deliveries) + len(deliveries_of(self.products)),
            "orders": len(self.orders),
        }

    @property
    def empty(self) -> bool:
        return not any(self.counts().values())


def doubtful(content: Content, held: Holdings) -> list[str]:
    """SKUs whose levels have to be looked at: the catalogue does not tell whether all their stock was delivered."""
    return [
        variant.sku
        for variant in content.variants
        if variant.sku in held.available and (not held.available[variant.sku] or len(variant.stock) > 1)
    ]


def plan(content: Content, held: Holdings) -> Plan:
    """The difference between what shall be and what is; `held` with the levels of the doubtful SKUs."""
    products = tuple(product for product in content.products if product.variants[0].sku not in held.available)
    return Plan(
        categories=tuple(category for category in content.categories if category.slug not in held.categories),
        warehouses={code: name for code, name in content.warehouses.items() if code not in held.warehouses},
        users=tuple(user for user in content.users if user.email not in held.emails),
        products=products,
        deliveries=tuple(_deliveries(content, held)),
        orders=tuple(_orders(content, held)),
    )


def deliveries_of(products: Iterable[Product]) -> list[Delivery]:
    """The first stock of products."""
    return [delivery for product in products for variant in product.variants for delivery in _first(variant)]


def _first(variant: Variant) -> list[Delivery]:
    return [Delivery(variant.sku, warehouse, pieces) for warehouse, pieces in variant.stock.items()]


def _deliveries(content: Content, held: Holdings) -> Iterable[Delivery]:
    for variant in content.variants:
        if variant.sku in held.levels:
            yield from (each for each in _first(variant) if each.warehouse not in held.levels[variant.sku])


def _orders(content: Content, held: Holdings) -> Iterable[tuple[int, Order]]:
    left = Counter(held.orders)
    for number, order in enumerate(content.orders):
        marked = mark(order.email, order.items)
        if left[marked] > 0:
            left[marked] -= 1
        else:
            yield number, order
