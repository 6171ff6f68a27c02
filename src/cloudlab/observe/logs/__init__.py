"""The logs of an instance in the terminal: scripts/logs.sh."""
