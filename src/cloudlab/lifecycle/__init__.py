"""Before and after a run: preflight, report, reset."""
