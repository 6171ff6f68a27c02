"""Filters over the catalogue of components."""

from __future__ import annotations

import functools
import os

from ansible.errors import AnsibleFilterError

from cloudlab.model import catalogue, environment, platform, settings
from cloudlab.observe import telemetry


def tags_for(role):
    """The tags that select `role`: see tags_for.yml."""
    try:
        return catalogue.tags_for(role, _chosen())
    except (catalogue.CatalogueError, platform.PlatformError, settings.SettingsError) as error:
        raise AnsibleFilterError("\n".join(error.problems)) from None


@functools.cache
def _chosen():
    """The catalogue of this run, computed once for all roles."""
    return platform.chosen(os.environ).components


class FilterModule:
    def filters(self):
        return {
            "tags_for": tags_for,
            "declared": catalogue.declared,
            "planned": catalogue.planned,
            "metric_targets": telemetry.targets,
            "telemetry_variables": telemetry.variables,
            "missing_volumes": environment.missing_volumes,
        }
