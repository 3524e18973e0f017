"""Disk formats read and written in place, so that a conversion needs no second copy."""
