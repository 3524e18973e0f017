"""A storm: many hosts want images at once, and caches come and go for them."""
