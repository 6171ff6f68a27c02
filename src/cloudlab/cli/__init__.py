"""Shared code of the scripts that are written in Python."""
