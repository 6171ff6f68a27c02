"""Several problems, reported together."""

import difflib
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class ProblemsError(ValueError):
    """Something is wrong; ``problems`` holds one message each."""

    def __init__(self, problems: Iterable[str]):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def unknown(names: Iterable[str], valid: Iterable[str], what: str) -> list[str]:
    """A message for each of `names` that is not `valid`, with the nearest valid name."""
    valid = sorted(valid)
    problems = []
    for name in sorted(set(names) - set(valid)):
        close = nearest(name, valid)
        hint = f" Did you mean {close}?" if close else ""
        problems.append(f"unknown {what} {name}.{hint} Valid: {', '.join(valid)}.")
    return problems


def nearest(name: str, valid: Iterable[str], cutoff: float = 0.6) -> str:
    """The valid name that is most similar to `name`; empty if none is."""
    return next(iter(difflib.get_close_matches(name, sorted(valid), n=1, cutoff=cutoff)), "")


def each(act: Callable[[Item], Result], items: Iterable[Item], kind: type[ProblemsError]) -> list[Result]:
    """The results of `act` for all items; one error of the type `kind` with the problems of all that fail."""
    results, problems = [], []
    for item in items:
        try:
            results.append(act(item))
        except kind as error:
            problems += error.problems
    if problems:
        raise kind(problems)
    return results
