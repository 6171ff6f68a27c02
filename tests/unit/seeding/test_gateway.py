"""Requests through a gateway: what is waited for, what is repeated, and what is said when it is refused."""

import socket

import pytest
from shop_platform import ADMIN, Refusal

from cloudlab.seeding.gateway import ATTEMPTS, Account, Gateway, RefusedError, SeedError


def refuse(times, status, **headers):
    left = [times]

    def trouble(_method, _path):
        left[0] -= 1
        if left[0] >= 0:
            raise Refusal(status, "busy", **headers)

    return trouble


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def gateway(platform, pauses):
    return Gateway(platform.url, pauses.append)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_platform_is_asked_again(platform, gateway, pauses, status):
    platform.trouble = refuse(2, status)
    assert gateway.call("GET", "/api/v1/categories").status == 200
    assert pauses == [0.2, 0.4]
    assert gateway.waits == 2


def test_the_platform_says_how_long_to_wait(platform, gateway, pauses):
    platform.trouble = refuse(1, 429, Retry_After="3")
    gateway.call("GET", "/api/v1/categories")
    assert pauses == [3]


def test_patience_ends(platform, gateway, pauses):
    platform.trouble = refuse(100, 503)
    with pytest.raises(RefusedError, match=f"GET {platform.url}/api/v1/categories: HTTP 503: busy; request id r-1"):
        gateway.call("GET", "/api/v1/categories")
    assert len(pauses) == ATTEMPTS - 1


def test_what_may_count_twice_is_not_sent_twice(platform, gateway):
    platform.trouble = refuse(1, 503)
    with pytest.raises(RefusedError):
        gateway.call("POST", "/api/v1/inventory/A/adjustments", {"warehouse": "main", "delta": 1}, repeatable=False)
    assert platform.requests["POST /api/v1/inventory/A/adjustments"] == 1


def test_a_rate_limit_is_waited_for_in_any_case(platform, gateway):
    platform.trouble = refuse(1, 429)
    gateway.call("POST", "/api/v1/inventory/A/adjustments", {"warehouse": "main", "delta": 1}, repeatable=False)
    assert platform.stock == {("A", "main"): 1}


def test_lists_are_read_to_their_end(platform, gateway):
    platform.users |= {f"u{number}": {"email": f"u{number}", "password": "", "tenant": ""} for number in range(10)}
    assert len(list(gateway.pages("/api/v1/users"))) == 11
    assert platform.requests["GET /api/v1/users"] == 4


def test_nobody_there():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(SeedError, match=f"no gateway answers at http://127.0.0.1:{port} .*playbooks/dev.yml"):
        Gateway(f"http://127.0.0.1:{port}").call("GET", "/")


def test_an_address_that_is_none():
    with pytest.raises(SeedError, match="is not of the form http://host:port"):
        Gateway("127.0.0.1:8080")


def test_a_login_is_made_once_and_renewed_in_time(platform, gateway):
    now = [0.0]
    account = Account(gateway, *ADMIN, clock=lambda: now[0])
    assert account.token() == account.token()
    now[0] = 899
    first, second = account._token, account.token()
    assert first != second
    assert platform.requests["POST /api/v1/auth/login"] == 2


def test_a_login_is_ended(platform, gateway):
    account = Account(gateway, *ADMIN)
    account.close()
    assert not platform.requests
    account.token()
    account.close()
    assert not platform.sessions


def test_a_wrong_password_is_said_in_words(gateway):
    with pytest.raises(SeedError, match=r"does not accept the password of admin@shop\.example"):
        Account(gateway, ADMIN[0], "wrong").token()
