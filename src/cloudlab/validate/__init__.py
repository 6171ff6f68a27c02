"""The validation of an environment: its checks and their report."""
