"""Every test of Stowage, sorted by kind and cost."""
