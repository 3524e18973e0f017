"""make demo: the whole way of one real image."""
