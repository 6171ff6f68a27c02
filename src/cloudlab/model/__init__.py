"""What is declared: settings, catalogue, platform, placeholders, and the environment that follows from them."""
