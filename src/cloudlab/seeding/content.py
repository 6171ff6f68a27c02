"""What a seed consists of: the people, goods and orders that follow from a recipe. Pure, and the same on every machine.

A size begins with all that the smaller ones hold. So nothing depends on how many there will be: number i of a kind
refers only to what the smallest size that has a number i holds as well.
"""

import hashlib
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from cloudlab.seeding import recipe as recipes

Item = TypeVar("Item")

SHARED_TENANT = ""  # of those who only buy
STAFF_SHARE = 5  # one in so many users works for a tenant
SCARCE_SHARE = 40  # one in so many SKUs is nearly sold out
SPREAD_SHARE = 4  # one in so many lies in two warehouses
STEP = 7919  # a prime: walks through combinations of words without order


@dataclass(frozen=True)
class Category:
    """A category; ``parent`` is another one's slug."""

    slug: str
    name: str
    parent: str | None


@dataclass(frozen=True)
class User:
    """An account. ``tenant``: whom it works for; ``founder``: it registers the tenant and owns it."""

    email: str
    name: str
    phone: str
    tenant: str = SHARED_TENANT
    founder: bool = False


@dataclass(frozen=True)
class Variant:
    """What can be bought; ``price`` in cents. ``stock``: pieces that a new SKU gets, by warehouse."""

    sku: str
    name: str
    price: int
    stock: Mapping[str, int]


@dataclass(frozen=True)
class Product:
    """A product of a tenant."""

    name: str
    description: str
    brand: str
    category: str
    tenant: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Order:
    """An order of the user with that e-mail address. ``items``: (SKU, quantity), each SKU once."""

    email: str
    items: tuple[tuple[str, int], ...]
    card: str


@dataclass(frozen=True)
class Content:
    """All that a seed consists of."""

    categories: tuple[Category, ...]
    warehouses: Mapping[str, str]
    users: tuple[User, ...]
    products: tuple[Product, ...]
    orders: tuple[Order, ...]

    @cached_property
    def founders(self) -> dict[str, User]:
        """Tenant -> its owner."""
        return {user.tenant: user for user in self.users if user.founder}

    @property
    def variants(self) -> list[Variant]:
        return [variant for product in self.products for variant in product.variants]

    def counts(self) -> dict[str, int]:
        """How much there is of each kind."""
        return {
            "tenants": len(self.founders),
            "users": len(self.users),
            "categories": len(self.categories),
            "warehouses": len(self.warehouses),
            "products": len(self.products),
            "skus": len(self.variants),
            "orders": len(self.orders),
        }


def make(recipe: Mapping[str, Any], size: str) -> Content:
    """The content of a size. Raises recipe.RecipeError for one that the recipe does not know."""
    recipes.size_of(recipe, size)
    return _Maker(recipe, size).content()


def draw(*what: str | int) -> int:
    """A number that looks random and is always the same for the same `what`."""
    return int.from_bytes(hashlib.blake2b(repr(what).encode(), digest_size=8).digest())


def fraction(*what: str | int) -> float:
    """The same from 0 to less than 1."""
    return (draw(*what) >> 11) / 2**53  # as many bits as a float holds: none is rounded up


def pick(choices: Sequence[Item], *what: str | int) -> Item:
    """One of `choices`."""
    return choices[draw(*what) % len(choices)]


def favour(choices: Sequence[Item], *what: str | int) -> Item:
    """One of `choices`, those in front more often: the first hundredth of them gets a tenth."""
    return choices[int(fraction(*what) ** 2 * len(choices))]


def weighted(weights: Mapping[str, int], *what: str | int) -> str:
    """A key, as often as its weight says."""
    left = draw(*what) % sum(weights.values())
    for key, weight in weights.items():
        left -= weight
        if left < 0:
            return key
    raise AssertionError("the weights add up to more than what was drawn")


def combination(number: int, *parts: Sequence[str]) -> tuple[str, ...]:
    """Combination `number` of one word of each part: every one comes once before any comes twice."""
    total = math.prod(len(part) for part in parts)
    step = STEP
    while math.gcd(step, total) != 1:
        step += 2
    rest = number * step % total
    chosen = []
    for part in parts:
        rest, position = divmod(rest, len(part))
        chosen.append(part[position])
    return tuple(chosen)


class _Maker:
    """Makes the content of one size. ``rungs``: the counts of this size and all smaller ones, ascending."""

    def __init__(self, recipe: Mapping[str, Any], size: str):
        self.recipe = recipe
        names = list(recipe["sizes"])
        self.rungs = [recipe["sizes"][name] for name in names[: names.index(size) + 1]]
        self.selling = list(recipes.selling(recipe).items())

    def content(self) -> Content:
        largest = self.rungs[-1]
        users = [self.user(number) for number in range(largest["users"])]
        products = [self.product(number) for number in range(largest["products"])]
        return Content(
            categories=tuple(
                Category(slug, entry["name"], entry.get("parent")) for slug, entry in self.recipe["categories"].items()
            ),
            warehouses=dict(self.recipe["warehouses"]),
            users=tuple(users),
            products=tuple(products),
            orders=tuple(self.order(number, users, products) for number in range(largest["orders"])),
        )

    def rung(self, kind: str, number: int) -> Mapping[str, int]:
        """The counts of the smallest size that has this number of the kind."""
        return next(rung for rung in self.rungs if number < rung[kind])

    def user(self, number: int) -> User:
        """The first users of a size own its new tenants; of the others some work for one, and most just buy."""
        place = [rung["users"] for rung in self.rungs].index(self.rung("users", number)["users"])
        below = self.rungs[place - 1] if place else dict.fromkeys(recipes.KINDS, 0)
        tenants = self.rungs[place]["tenants"]
        tenant, founder = SHARED_TENANT, False
        if number - below["users"] < tenants - below["tenants"]:
            tenant, founder = self.recipe["tenants"][below["tenants"] + number - below["users"]], True
        elif draw("staff", number) % STAFF_SHARE == 0:
            tenant = pick(self.recipe["tenants"][:tenants], "employer", number)
        people = self.recipe["people"]
        first, last = combination(number, people["first_names"], people["last_names"])
        # Numbers and domains that are kept for fiction.
        return User(
            email=f"{_ascii(first)}.{_ascii(last)}@{tenant or 'mail'}.example",
            name=f"{first} {last}",
            phone=f"+44 7700 900{number % 1000:03}",
            tenant=tenant,
            founder=founder,
        )

    def product(self, number: int) -> Product:
        """Categories take turns, so that every size has some of each."""
        tenants = self.recipe["tenants"][: self.rung("products", number)["tenants"]]
        turn, place = divmod(number, len(self.selling))
        slug, entry = self.selling[place]
        words = entry["brands"], self.recipe["lines"], list(entry["things"])
        brand, line, thing = combination(turn + draw("category", slug), *words)
        return Product(
            name=f"{brand} {line} {thing}",
            description=self.description(number, thing, brand, entry["features"]),
            brand=brand,
            category=slug,
            # A tenant sells in a few categories, not in all.
            tenant=tenants[(place + draw("seller", number) % 2) % len(tenants)],
            variants=tuple(self.variants(number, entry, thing)),
        )

    def description(self, number: int, thing: str, brand: str, features: Sequence[str]) -> str:
        start = draw("features", number) % len(features)
        named = [features[(start + step) % len(features)] for step in range(recipes.FEATURES)]
        return f"{thing} by {brand}, with {', '.join(named[:-1])} and {named[-1]}."

    def variants(self, number: int, entry: Mapping[str, Any], thing: str) -> list[Variant]:
        options = self.recipe["options"][entry["options"]]
        lowest, highest = entry["things"][thing]
        # Most things cost little of what they may.
        price = lowest + fraction("price", number) ** 2 * (highest - lowest)
        count = 1 + draw("variants", number) % len(options)
        return [
            Variant(
                sku=(sku := f"{entry['code']}-{number + 1:05}-{end}"),
                name=str(name),
                price=_tag(price * percent / 100),
                stock=self.stock(sku),
            )
            for end, name, percent in options[:count]
        ]

    def stock(self, sku: str) -> dict[str, int]:
        warehouses = list(self.recipe["warehouses"])
        first = draw("warehouse", sku) % len(warehouses)
        if draw("scarce", sku) % SCARCE_SHARE == 0:
            return {warehouses[first]: 1 + draw("rest", sku) % 3}
        pieces = 200 + draw("pieces", sku) % 600
        if draw("spread", sku) % SPREAD_SHARE or len(warehouses) == 1:
            return {warehouses[first]: pieces}
        return {warehouses[first]: pieces, warehouses[(first + 1) % len(warehouses)]: pieces // 3}

    def order(self, number: int, users: Sequence[User], products: Sequence[Product]) -> Order:
        rung = self.rung("orders", number)
        quantities: dict[str, int] = {}
        for line in range(1 + draw("lines", number) % 3):
            product = favour(products[: rung["products"]], "bought", number, line)
            variant = pick(product.variants, "variant", number, line)
            quantities[variant.sku] = 1 + draw("quantity", number, line) % 4 // 2
        return Order(
            email=favour(users[: rung["users"]], "buyer", number).email,
            items=tuple(quantities.items()),
            card=weighted(self.recipe["cards"], "card", number),
        )


def _tag(cents: float) -> int:
    """A price as shops write it: so many euros less one cent."""
    return max(100, round(cents / 100) * 100) - 1


def _ascii(name: str) -> str:
    """A name as it stands in an address: small letters without accents."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum())
