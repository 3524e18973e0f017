"""Typed HTTP client of Stowage and the operator's command."""

from stowage_client.client import Client
from stowage_client.events import Event

__all__ = ["Client", "Event"]
