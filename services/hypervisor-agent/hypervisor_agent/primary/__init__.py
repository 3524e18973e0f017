"""Primary store drivers: pools that only this host sees."""
