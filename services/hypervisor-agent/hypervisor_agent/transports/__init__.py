"""Transports: grants of one URI scheme opened for ranged reads and writes."""
