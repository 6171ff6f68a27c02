"""Finds the stores: each sub-package is one, with the interface :class:`cloudlab.stores.base.Store`.

Modules are imported on first use, so that a run only loads the clients of the stores that it uses.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from cloudlab import stores

if TYPE_CHECKING:
    from cloudlab.stores.base import Store
    from cloudlab.stores.diagnosis import Fault

# Part of the interface -> its module in the sub-package.
MODULES = {
    "declare": "objects",
    "plan": "objects",
    "Server": "server",
    "check": "checks",
    "one_shot": "oneshot",
    "FAULTS": "faults",
}


class _Package:
    """A sub-package as one object."""

    def __init__(self, name: str):
        self._name = f"{stores.__name__}.{name}"

    def __getattr__(self, part: str) -> Any:
        if part not in MODULES:
            raise AttributeError(f"{self._name} has no {part}")
        return getattr(importlib.import_module(f"{self._name}.{MODULES[part]}"), part)


def names() -> list[str]:
    """The names of all stores."""
    return sorted(module.name for module in pkgutil.iter_modules(stores.__path__) if module.ispkg)


def find(name: str) -> Store:
    """The store of this name."""
    return cast("Store", _Package(name))


def faults() -> Iterator[Fault]:
    """The known crashes of single stores."""
    for name in names():
        if importlib.util.find_spec(f"{stores.__name__}.{name}.{MODULES['FAULTS']}"):
            yield from find(name).FAULTS
