"""Acme's store for Stowage."""
