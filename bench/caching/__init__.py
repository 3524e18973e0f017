"""Parts of the caches' measurement."""
