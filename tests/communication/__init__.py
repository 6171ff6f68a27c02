"""End-to-end tests of the platform: orders pass through every service of an instance, via its gateway."""
