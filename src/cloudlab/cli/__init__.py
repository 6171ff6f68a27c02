"""Scripts that are written in Python."""
