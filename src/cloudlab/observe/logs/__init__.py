"""The logs of an instance, on a terminal: scripts/logs.sh."""
