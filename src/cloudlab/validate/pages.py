"""Pages: whatever has an address for a browser answers there."""

from collections.abc import Iterable, Mapping
from typing import Any

import requests

from cloudlab.model.checks import Check, converge, verdict

AREA = "pages"
SECONDS = 10  # the first answer after a start may take some


def wanted(rows: Iterable[Mapping[str, Any]], healthy: set[str]) -> list[Mapping[str, Any]]:
    """Those of the environment's rows (`report.rows`) that have a page, of components that are well."""
    return [row for row in rows if row["url"].startswith("http") and row["component"] in healthy]


def checks(row: Mapping[str, Any]) -> list[Check]:
    """The check of one page. Any answer of the server counts but that it is broken."""
    try:
        # Only its first line is of interest.
        with requests.get(row["url"], timeout=SECONDS, allow_redirects=False, stream=True) as answer:
            status = answer.status_code
    except requests.RequestException as error:
        fault, text = f"no answer: {_reason(error)}", ""
    else:
        fault, text = (f"HTTP {status}" * (status >= 500)), f"HTTP {status}"
    cure = f"docker logs {row['container']} says why; {converge(row['component'])}"
    return [verdict(AREA, f"{row['component']}, {_address(row)}", fault, cure, text)]


def _address(row: Mapping[str, Any]) -> str:
    """The page's address without what is secret in it."""
    scheme, _, rest = row["url"].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return f"not within {SECONDS} s"
    return "the connection was refused or closed"
