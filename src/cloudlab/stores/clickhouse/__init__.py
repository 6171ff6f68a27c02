"""The store ClickHouse; its interface is cloudlab.stores.base.Store."""
