"""Stored bytes sent through the gate of an agent, and what becomes of them."""
