"""Filters for the API gateway."""

from __future__ import annotations

from cloudlab.gateway import model


class FilterModule:
    def filters(self):
        return {"gateway_services": model.from_catalogue}
