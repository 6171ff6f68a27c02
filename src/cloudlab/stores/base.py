"""The interface of the stores' sub-packages, their errors, and programs for Docker Compose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from cloudlab.model.checks import Check
from cloudlab.model.problems import ProblemsError

if TYPE_CHECKING:
    from cloudlab.stores.diagnosis import Fault
    from cloudlab.stores.lazy_client import LazyClient


class StoreError(Exception):
    """A declaration is wrong, or a server does not answer or refuses; the text names the entry or container and why."""


class RefusedError(StoreError):
    """The server rejects the user or password, or the user lacks a permission."""


class ObjectsError(StoreError, ProblemsError):
    """The declaration of a store's objects is wrong, or its server refuses steps."""


@dataclass
class TCPServer:
    """The published port of a server in a container, and a login to it."""

    host: str
    port: int
    container: str
    user: str
    password: str = field(repr=False)


class Store(Protocol):
    """The interface of a store's sub-package; registry.MODULES has the module of each part.

    ``arguments``: those of the store's action, validated. All functions raise :class:`StoreError`.
    """

    FAULTS: Sequence[Fault]  # known crashes of this store; optional
    Server: type  # reads the server's state and applies the steps of a plan

    def declare(self, arguments: Mapping[str, Any]) -> Any:
        """The desired objects, checked. Pure."""

    def plan(self, declared: Any, *existing: Any) -> Any:
        """The steps from the server's state to the declaration. Pure."""

    def check(self, arguments: Mapping[str, Any], docker: LazyClient) -> tuple[list[Check], Any]:
        """(checks of the declared objects, other findings), from the running server.

        The findings have `rows`, {place: number}, where the store's entry of the catalogue has `rows_in`.
        """

    def one_shot(self, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """The :func:`program` that creates the declared objects in an empty store; None when there are none."""


def text(value: Any) -> str:
    """A scalar as servers spell it: booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def program(container: str, script: str, env: Mapping[str, str] | None = None, shares: list[str] | None = None) -> dict:
    """A program that runs once in the image of the store `container`, each time Docker Compose starts everything.

    It is a shell script that stops at the first command that fails. shares: folders of the store that it can access.
    """
    return {"container": container, "script": f"set -eu\n{script}", "env": dict(env or {}), "shares": shares or []}
