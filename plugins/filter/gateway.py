"""Filters for the API gateway."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

from cloudlab.gateway import model


class FilterModule:
    def filters(self):
        return {"gateway_services": model.from_catalogue}
