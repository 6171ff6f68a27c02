"""A platform's services: their containers, their builds and what became of them."""
