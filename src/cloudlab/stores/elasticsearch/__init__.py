"""The store Elasticsearch; its interface is cloudlab.stores.base.Store."""
