"""Filters that write the users of Elasticsearch's file realm."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's package stands beside the plugin folders

from cloudlab.stores import elasticsearch


class FilterModule:
    def filters(self):
        return {
            "elasticsearch_users": elasticsearch.users_file,
            "elasticsearch_roles": elasticsearch.roles_file,
        }
