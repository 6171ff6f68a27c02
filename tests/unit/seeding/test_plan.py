"""What a platform lacks of a seed."""

from collections import Counter

import pytest

from cloudlab.seeding import content
from cloudlab.seeding.plan import doubtful, plan
from cloudlab.seeding.shop import Holdings, mark


@pytest.fixture
def small(recipe):
    return content.make(recipe, "small")


def whole(made):
    """A platform that holds all of it."""
    return Holdings(
        emails={user.email for user in made.users},
        categories={category.slug for category in made.categories},
        warehouses=set(made.warehouses),
        available={variant.sku: sum(variant.stock.values()) for variant in made.variants},
        levels={variant.sku: set(variant.stock) for variant in made.variants},
        orders=Counter(mark(order.email, order.items) for order in made.orders),
    )


def test_an_empty_platform_lacks_everything(small):
    lacking = plan(small, Holdings())
    assert lacking.counts() == {
        "categories": 3,
        "warehouses": 2,
        "users": 4,
        "products": 6,
        "deliveries": sum(len(variant.stock) for variant in small.variants),
        "orders": 9,
    }
    assert not lacking.deliveries  # they come with the products


def test_a_seeded_platform_lacks_nothing(small):
    assert plan(small, whole(small)).empty


def test_what_else_there_is_does_not_count(small):
    held = whole(small)
    held.emails.add("me@home.example")
    held.orders[mark("me@home.example", [("LAM-00001-BLK", 1)])] += 3
    assert plan(small, held).empty


def test_stock_is_looked_up_where_the_catalogue_does_not_tell(small):
    held = whole(small)
    one_place = next(variant for variant in small.variants if len(variant.stock) == 1)
    spread = {variant.sku for variant in small.variants if len(variant.stock) > 1}
    assert set(doubtful(small, held)) == spread
    held.available[one_place.sku] = 0
    assert set(doubtful(small, held)) == spread | {one_place.sku}


def test_a_delivery_that_was_interrupted_is_made_up_for(small):
    held = whole(small)
    variant = small.products[0].variants[0]
    held.levels[variant.sku] = set()
    lacking = plan(small, held)
    assert {(each.warehouse, each.pieces) for each in lacking.deliveries} == set(variant.stock.items())
    assert not lacking.products


def test_the_same_order_twice_is_two_orders(small):
    order = small.orders[0]
    twice = content.Content(
        small.categories, small.warehouses, small.users, small.products, (order, *small.orders, order)
    )
    assert [each for _, each in plan(twice, whole(small)).orders] == [order, order]


def test_orders_keep_their_numbers(small):
    held = whole(small)
    missing = small.orders[4]
    held.orders[mark(missing.email, missing.items)] -= 1
    assert plan(small, held).orders == ((4, missing),)
