"""What each store is converged to: pure plans, and the clients that apply them."""
