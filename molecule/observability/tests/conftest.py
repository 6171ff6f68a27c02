"""The part of the environment that an order passes, with everything that watches it."""

import json

import pytest
from communication.gateway import Gateway, trace_id
from communication.shop import Shop
from searches import Logs, Metrics, Traces


@pytest.fixture(scope="session")
def logs(lab):
    return Logs(lab)


@pytest.fixture(scope="session")
def traces(lab):
    return Traces(lab)


@pytest.fixture(scope="session")
def metrics(lab):
    return Metrics(lab)


@pytest.fixture(scope="session")
def shop(lab):
    """The platform behind its gateway."""
    page = json.loads((lab.directory / "environment.json").read_text(encoding="utf-8"))
    [auth] = [entry for entry in page["components"] if entry["component"] == "auth"]
    found = Shop(Gateway(f"127.0.0.1:{lab.port('gateway', 'http')}"), (auth["user"], auth["password"]))
    yield found
    found.withdraw_everything()


@pytest.fixture(scope="session")
def product(shop):
    """Something that can be bought, in sufficient number."""
    administrator = shop.administrator()
    product = shop.create_product(administrator)
    shop.deliver(administrator, product, 100000)
    return product


@pytest.fixture(scope="session")
def order(shop, product):
    """A confirmed order: its request id and trace id."""
    customer = shop.register()
    answer = shop.place(customer, product)
    assert answer.json()["state"] == "confirmed", answer.json()
    return {"request": answer.request_id, "trace": trace_id(answer.request_id)}
