"""Filters that write the users of Elasticsearch's file realm."""

from cloudlab.stores import elasticsearch


class FilterModule:
    def filters(self):
        return {
            "elasticsearch_users": elasticsearch.users_file,
            "elasticsearch_roles": elasticsearch.roles_file,
        }
