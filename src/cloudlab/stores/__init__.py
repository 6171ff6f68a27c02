"""Stores: a sub-package for each, found by registry.py, and what they share."""
