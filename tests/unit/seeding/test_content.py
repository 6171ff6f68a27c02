"""What follows from a recipe: the same everywhere, each name once, and every size within the next."""

import hashlib
import itertools

import pytest

from cloudlab.model import settings
from cloudlab.seeding import content, recipe

REFERENCE = recipe.read(settings.ROOT / "files" / "platform")


@pytest.fixture(scope="module")
def sizes():
    return {size: content.make(REFERENCE, size) for size in REFERENCE["sizes"]}


def test_a_size_has_as_much_as_it_says(sizes):
    for size, made in sizes.items():
        counts = made.counts()
        assert {kind: counts[kind] for kind in recipe.KINDS} == REFERENCE["sizes"][size]


def test_a_larger_size_only_adds(sizes):
    for smaller, larger in itertools.pairwise(sizes.values()):
        for kind in ("users", "products", "orders"):
            few, many = getattr(smaller, kind), getattr(larger, kind)
            assert many[: len(few)] == few


def test_every_natural_key_is_given_once(sizes):
    large = sizes["large"]
    for keys in (
        [user.email for user in large.users],
        [user.name for user in large.users],
        [product.name for product in large.products],
        [variant.sku for variant in large.variants],
    ):
        assert len(keys) == len(set(keys))


def test_what_refers_to_something_finds_it_in_the_same_size(sizes):
    for made in sizes.values():
        emails, skus = {user.email for user in made.users}, {variant.sku for variant in made.variants}
        for order in made.orders:
            assert order.email in emails
            assert {sku for sku, _ in order.items} <= skus
        assert {product.tenant for product in made.products} <= made.founders.keys()
        assert {user.tenant for user in made.users} - {content.SHARED_TENANT} <= made.founders.keys()
        assert {place for variant in made.variants for place in variant.stock} <= made.warehouses.keys()


def test_the_platforms_rules_are_kept(sizes):
    for product in sizes["large"].products:
        assert 1 <= len(product.variants) <= 50
        assert len(product.name.encode()) <= 200
        assert all(variant.price > 0 and len(variant.sku) <= 64 for variant in product.variants)
    for user in sizes["large"].users:
        assert user.email.isascii()
        assert user.email == user.email.lower()
    for order in sizes["large"].orders:
        assert order.items
        assert len({sku for sku, _ in order.items}) == len(order.items)


def test_the_stock_is_enough_for_nearly_all_orders(sizes):
    made = sizes["large"]
    left = {variant.sku: sum(variant.stock.values()) for variant in made.variants}
    refused = 0
    for order in made.orders:
        refused += any(left[sku] < quantity for sku, quantity in order.items)
        for sku, quantity in order.items:
            left[sku] -= quantity
    assert 0 < refused < len(made.orders) / 20


def test_the_content_is_the_same_on_every_machine(recipe):
    """Compared with what was made when this was written: other content under the same keys would be a second shop."""
    made = content.make(recipe, "large")
    text = repr((made.users, made.products, made.orders))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "212171ee995aa573"


def test_names_in_addresses_are_plain(recipe):
    emails = {user.name.split()[0]: user.email for user in content.make(recipe, "large").users}
    assert emails["Zoë"].startswith("zoe.")
    assert emails["Émile"].startswith("emile.")


def test_combinations_come_once_before_any_comes_twice():
    parts = ["abc", "xy", "0123456"]
    seen = [content.combination(number, *parts) for number in range(42)]
    assert len(set(seen)) == 42
    assert content.combination(42, *parts) == seen[0]


def test_draws_are_spread():
    drawn = [content.pick("abcd", "test", number) for number in range(4000)]
    assert all(900 < drawn.count(letter) < 1100 for letter in "abcd")
    favoured = [content.favour(range(100), "test", number) for number in range(4000)]
    assert favoured.count(0) > 300
    assert max(favoured) > 95


def test_weights_count():
    drawn = [content.weighted({"often": 9, "never": 0, "seldom": 1}, number) for number in range(2000)]
    assert 1700 < drawn.count("often") < 1900
    assert "never" not in drawn
