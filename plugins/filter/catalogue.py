"""Filters over the catalogue of components."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

from ansible.errors import AnsibleFilterError
from cloudlab import catalogue


def tags_for(role, components):
    """The tags that select `role`: see tags_for.yml."""
    try:
        return catalogue.tags_for(role, components)
    except catalogue.CatalogueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self):
        return {"tags_for": tags_for, "declared": catalogue.declared}
