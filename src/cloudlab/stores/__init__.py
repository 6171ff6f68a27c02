"""The contents of the stores: a sub-package per store, found by registry.py, and their shared code."""
