"""A shop platform in memory, and a recipe for it."""

import copy
import threading

import pytest
from shop_platform import RECIPE, Handler, Platform, Server


@pytest.fixture
def platform():
    with Server(("127.0.0.1", 0), Handler) as server:
        server.platform = Platform()
        server.platform.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.platform
        server.shutdown()
        thread.join()


@pytest.fixture
def recipe():
    return copy.deepcopy(RECIPE)
