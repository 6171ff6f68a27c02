"""The e-mail that the platform sent, as the mail catcher shows it."""

from __future__ import annotations

from typing import Any

import requests

TIMEOUT_SECONDS = 10


def received(catcher: str, address: str, subject: str) -> list[dict[str, Any]]:
    """The messages to an address with a subject, with their text. catcher: URL of Mailpit."""
    found = _get(f"{catcher}/api/v1/search", query=f'to:"{address}"')["messages"]
    return [_get(f"{catcher}/api/v1/message/{item['ID']}") for item in found if item["Subject"] == subject]


def _get(url: str, **params: str) -> dict[str, Any]:
    answer = requests.get(url, params=params, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    return answer.json()
