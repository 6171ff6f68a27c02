"""The store PostgreSQL; its interface is cloudlab.stores.base.Store."""
