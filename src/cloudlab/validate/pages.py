"""Pages: each address for a browser responds."""

from collections.abc import Iterable, Mapping
from typing import Any

import requests

from cloudlab.model.checks import Check, converge, verdict

AREA = "pages"
SECONDS = 10  # the first response after a start is slow


def rows(listed: Iterable[Mapping[str, Any]], healthy: set[str]) -> list[Mapping[str, Any]]:
    """The rows (see report.rows) of healthy components with a page."""
    return [row for row in listed if row["url"].startswith("http") and row["component"] in healthy]


def checks(row: Mapping[str, Any]) -> list[Check]:
    """The check of one page: any response except a server error passes."""
    try:
        # Only the status is needed.
        with requests.get(row["url"], timeout=SECONDS, allow_redirects=False, stream=True) as answer:
            status = answer.status_code
    except requests.RequestException as error:
        fault, text = f"no response: {_reason(error)}", ""
    else:
        fault, text = (f"HTTP {status}" * (status >= 500)), f"HTTP {status}"
    cure = f"see docker logs {row['container']}; {converge(row['component'])}"
    return [verdict(AREA, f"{row['component']}, {_address(row)}", fault, cure, text)]


def _address(row: Mapping[str, Any]) -> str:
    """The page's address without credentials."""
    scheme, _, rest = row["url"].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return f"not within {SECONDS} s"
    return "the connection was refused or closed"
