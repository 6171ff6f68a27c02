"""The store Redis; its interface is cloudlab.stores.base.Store."""
