"""Filters that write the users of Elasticsearch's file realm."""

from cloudlab.stores.elasticsearch import realm


class FilterModule:
    def filters(self):
        return {
            "elasticsearch_users": realm.users_file,
            "elasticsearch_roles": realm.roles_file,
        }
