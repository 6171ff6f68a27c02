"""What each store is converged to: a sub-package per store, and what they share. registry.py finds them."""
