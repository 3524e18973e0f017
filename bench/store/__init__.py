"""Parts of the stores' measurement."""
