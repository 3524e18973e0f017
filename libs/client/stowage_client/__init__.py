"""Typed HTTP client of Stowage and the operator's command."""
