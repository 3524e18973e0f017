"""Built-in endpoint selectors."""
