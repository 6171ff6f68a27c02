"""The arguments of those scripts that are written in Python."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser that refuses an argument in the words of the other scripts."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"\nERROR: {message}\n       --help prints what there is.\n")
