"""Checks of Redis: it accepts its password, and refuses anonymous clients."""

from collections.abc import Mapping
from typing import Any

from cloudlab.model.checks import OK, Check, converge, unreachable, verdict
from cloudlab.stores.base import RefusedError
from cloudlab.stores.lazy_client import LazyClient
from cloudlab.stores.readiness import NotYetError
from cloudlab.stores.redis.server import Server

STORE = "redis"


def check(arguments: Mapping[str, Any], _docker: LazyClient) -> tuple[list[Check], dict[str, Any]]:
    """The checks of the server; there are no other findings."""
    return checks(arguments["host"], arguments["port"], arguments["password"]), {}


def checks(host: str, port: int, password: str) -> list[Check]:
    """Connect with the password and without."""
    server = Server(host, port, password)
    try:
        server.ready()
        keys = server.client.dbsize()
    except (NotYetError, RefusedError) as error:
        return unreachable(STORE, str(error))
    finally:
        server.close()
    return [Check(STORE, "answers", OK, f"{keys} keys"), _asks_for_password(host, port)]


def _asks_for_password(host: str, port: int) -> Check:
    anybody = Server(host, port)
    fault = "anybody may log in"
    try:
        anybody.ready()
    except RefusedError:
        fault = ""
    except NotYetError as error:
        fault = str(error)
    finally:
        anybody.close()
    return verdict(STORE, "asks for a password", fault, converge(STORE))
