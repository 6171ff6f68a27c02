"""The end-to-end test of the platform: an order passes all services of an instance, through its gateway."""
