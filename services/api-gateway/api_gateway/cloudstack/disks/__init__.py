"""Volumes and snapshots as CloudStack's clients see them."""
