"""Owns cache stores: placement, entries, pins, eviction, load and desired size."""
