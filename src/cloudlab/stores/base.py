"""What all stores share: the interface of their sub-packages, their errors, and programs for Docker Compose."""

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
    """A declaration is wrong, or a server cannot be asked or refuses; the text names the entry or container and why."""


class RefusedError(StoreError):
    """The server answers, but does not accept the user or password, or the user may not do the work."""


class ObjectsError(StoreError, ProblemsError):
    """The declaration of what a store holds is wrong, or its server refuses steps."""


@dataclass
class TCPServer:
    """The published port of a server in a container, and a login to it."""

    host: str
    port: int
    container: str
    user: str
    password: str = field(repr=False)


class Store(Protocol):
    """What a store's sub-package offers; registry.MODULES says in which of its modules.

    ``arguments``: those of the store's action, validated. All functions raise :class:`StoreError`.
    """

    FAULTS: Sequence[Fault]  # crashes that only this store's log shows; optional
    Server: type  # asks the server and applies the steps of a plan

    def declare(self, arguments: Mapping[str, Any]) -> Any:
        """What the store must hold, checked. Pure."""

    def plan(self, declared: Any, *existing: Any) -> Any:
        """The steps from what exists, as the server told it, to what is declared. Pure."""

    def check(self, arguments: Mapping[str, Any], docker: LazyClient) -> tuple[list[Check], Any]:
        """(checks of what is declared, what was found besides); asks the running server.

        What was found holds `rows`, {place: number}, where the store's entry of the catalogue has `rows_in`.
        """

    def one_shot(self, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """The :func:`program` that brings an empty store to what is declared; None when there is nothing to do."""


def program(container: str, script: str, env: Mapping[str, str] | None = None, shares: list[str] | None = None) -> dict:
    """A program that runs once in the image of the store `container`, each time Docker Compose starts everything.

    It is a script of the shell, which ends at the first command that fails. shares: folders of the store that it sees.
    """
    return {"container": container, "script": f"set -eu\n{script}", "env": dict(env or {}), "shares": shares or []}
