"""Several things that are wrong, told at once."""

from collections.abc import Iterable


class ProblemsError(ValueError):
    """What is wrong; ``problems`` holds one message each."""

    def __init__(self, problems: Iterable[str]):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))
