"""Kibana, which keeps data views: a tool with the interface of a store, cloudlab.stores.base.Store."""
