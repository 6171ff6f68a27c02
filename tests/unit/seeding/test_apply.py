"""A seed against a platform in memory: it makes everything, once, and goes on where it was interrupted."""

import pytest
from shop_platform import ADMIN, Refusal

from cloudlab.seeding import content
from cloudlab.seeding.apply import Seeding, by_customer
from cloudlab.seeding.gateway import Account, Gateway, RefusedError, SeedError
from cloudlab.seeding.shop import Shop

PASSWORD = "development"


@pytest.fixture
def seed(platform, recipe):
    """Seed a size; returns the seeding."""

    def run(size="small", password=PASSWORD, timeout=0.0):
        gateway = Gateway(platform.url, lambda _seconds: None)
        shop = Shop(gateway, Account(gateway, *ADMIN))
        seeding = Seeding(shop, content.make(recipe, size), password, 4, lambda _text: None)
        before = shop.heard()
        seeding.apply(seeding.plan())
        seeding.late = seeding.settle(before, timeout)
        return seeding

    return run


def holdings(platform):
    orders = sorted((order["email"], str(order["lines"])) for order in platform.orders)
    products = sorted((product["name"], product["tenant"]) for product in platform.products)
    tenants = {email: user["tenant"] for email, user in platform.users.items()}
    return orders, products, tenants, dict(platform.stock), dict(platform.categories), dict(platform.warehouses)


def test_a_seed_makes_what_its_size_holds(platform, recipe, seed):
    made = content.make(recipe, "large")
    seeding = seed("large")
    assert {email: user["tenant"] for email, user in platform.users.items() if email != ADMIN[0]} == {
        user.email: user.tenant or "default" for user in made.users
    }
    assert {product["name"]: product["tenant"] for product in platform.products} == {
        product.name: product.tenant for product in made.products
    }
    assert platform.stock == {
        (variant.sku, place): pieces for variant in made.variants for place, pieces in variant.stock.items()
    }
    assert len(platform.orders) == 30
    assert seeding.made == {
        "categories": 2, "warehouses": 1, "users": 9, "products": 20, "deliveries": len(platform.stock), "orders": 30,
    }  # fmt: skip
    assert seeding.outcomes["cancelled"] == sum(order.card == "tok_declined" for order in made.orders)


def test_a_second_run_only_looks(platform, seed):
    seed()
    before = holdings(platform)
    platform.requests.clear()
    assert seed().plan().empty
    assert platform.written == {}
    assert holdings(platform) == before


def test_a_larger_size_adds_and_a_smaller_one_does_nothing(platform, seed):
    seed("small")
    small = holdings(platform)
    seeding = seed("large")
    assert seeding.made["users"] == 9 - 4
    assert seeding.made["orders"] == 30 - 9
    assert small[3].items() <= platform.stock.items()
    platform.requests.clear()
    seed("small")
    assert platform.written == {}


@pytest.mark.parametrize("after", [1, 3, 8, 15, 25, 40])
def test_it_goes_on_where_it_was_interrupted(platform, seed, after):
    left = [after]

    def trouble(method, path):
        if method != "GET" and not path.endswith(("login", "logout")):
            left[0] -= 1
            if left[0] == 0:
                raise Refusal(500, "broken")

    platform.trouble = trouble
    with pytest.raises(RefusedError, match="HTTP 500: broken"):
        seed("large")
    platform.trouble = lambda method, path: None
    seed("large")
    interrupted = holdings(platform)
    platform.__init__()
    seed("large")
    assert holdings(platform) == interrupted


def test_what_was_withdrawn_stays_withdrawn(platform, seed):
    seed()
    platform.products[0]["active"] = False
    stock = dict(platform.stock)
    seed()
    assert len(platform.products) == 6
    assert platform.stock == stock


def test_accounts_whose_profiles_are_not_listed_are_no_error(platform, seed):
    seed()
    get_users = platform.get_users
    platform.get_users = lambda *_: (200, {"items": []})
    assert seed().made["users"] == 0
    platform.get_users = get_users
    assert len(platform.users) == 5


def test_another_password_is_said(seed):
    seed()
    with pytest.raises(SeedError, match=r"does not accept the password of .*north\.example"):
        seed("large", password="another one")


def test_sessions_are_ended(platform, seed):
    seeding = seed()
    seeding.shop.admin.close()
    assert not platform.sessions


def test_who_learns_by_events_is_waited_for(platform, seed):
    truth = platform.get_search
    platform.get_search = lambda *_: (200, {"total": 0})
    assert seed("small").late == ["search finds 0 products of 6"]
    asked = []

    def slow(*_):
        asked.append(1)
        return (200, {"total": 0}) if len(asked) < 3 else truth()

    platform.get_search = slow
    assert seed("large", timeout=10).late == []


def test_who_orders_most_comes_first(recipe):
    orders = list(enumerate(content.make(recipe, "large").orders))
    groups = by_customer(orders)
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)
    assert sorted(pair for group in groups for pair in group) == sorted(orders)
    assert all(len({order.email for _, order in group}) == 1 for group in groups)
