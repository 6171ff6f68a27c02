"""The interface of the stores' sub-packages, their errors, and one-shot programs for Docker Compose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from cloudlab.model.checks import Check
from cloudlab.model.problems import ProblemsError

if TYPE_CHECKING:
    from cloudlab.stores.diagnosis import Fault
    from cloudlab.stores.lazy_client import LazyClient


class StoreError(Exception):
    """A declaration is invalid, or a server does not respond or rejects a request."""


class RefusedError(StoreError):
    """The server rejects the user, the password, or the user's privileges."""


class ObjectsError(StoreError, ProblemsError):
    """The declaration of a store's contents is invalid, or its server rejects steps."""


class Store(Protocol):
    """The interface of a store's sub-package; registry.MODULES maps it to modules.

    ``arguments``: validated arguments of the store's action. All functions raise :class:`StoreError`.
    """

    FAULTS: Sequence[Fault]  # known crashes of this store; optional
    Server: type  # queries the server, and applies a plan

    def declare(self, arguments: Mapping[str, Any]) -> Any:
        """The validated declaration. Pure."""

    def plan(self, declared: Any, *existing: Any) -> Any:
        """The steps from the existing state to the declaration. Pure."""

    def check(self, arguments: Mapping[str, Any], docker: LazyClient) -> tuple[list[Check], Any]:
        """(checks of the declaration, other contents), from the running server.

        Other contents include `rows`, {place: number}, if the store's entry in the catalogue has `rows_in`.
        """

    def one_shot(self, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """The :func:`program` that initialises an empty store; None if there is nothing to do."""


def program(container: str, script: str, env: Mapping[str, str] | None = None, shares: list[str] | None = None) -> dict:
    """A program that runs once in the image of the store `container`, at each start with Docker Compose.

    It is a shell script that exits at the first error. shares: directories of the store that it uses.
    """
    return {"container": container, "script": f"set -eu\n{script}", "env": dict(env or {}), "shares": shares or []}
