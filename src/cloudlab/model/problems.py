"""Several problems, reported together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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
        close = difflib.get_close_matches(name, valid, n=1, cutoff=0.6)
        hint = f" Did you mean {close[0]}?" if close else ""
        problems.append(f"unknown {what} {name}.{hint} Valid: {', '.join(valid)}.")
    return problems
