"""Whether an environment is whole: what is asked of it, and how the outcome is told."""
