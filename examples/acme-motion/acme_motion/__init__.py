"""Acme's ways to move images."""
