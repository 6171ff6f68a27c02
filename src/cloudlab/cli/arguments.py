"""The command-line parser of the scripts that are written in Python."""

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser that reports errors in the format of the shell scripts."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"\nERROR: {message}\n       Run it with --help for its usage.\n")
