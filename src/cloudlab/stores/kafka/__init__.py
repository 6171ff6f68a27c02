"""The store Kafka; its interface is cloudlab.stores.base.Store."""
