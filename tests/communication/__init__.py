"""The platform proven from outside: an order travels through every service of an instance, by way of its gateway."""
