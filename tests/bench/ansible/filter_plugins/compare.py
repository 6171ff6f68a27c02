"""Filters of compare.yml: the specifications of its two sides."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3]))  # where the package `bench` stands

from bench import sides


class FilterModule:
    def filters(self):
        return {"compare_side": sides.side, "as_docker_container": sides.as_docker_container}
